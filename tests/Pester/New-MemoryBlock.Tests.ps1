BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'New-MemoryBlock' {
    BeforeEach { Open-DimensionStore (New-SampleStore) | Out-Null }
    AfterEach { Close-DimensionStore -All }

    It 'refuses an owner that is no number of one' {
        New-MemoryAllocator pool owned | Out-Null
        try {
            { New-MemoryBlock 10 -Owner -1 -Allocator owned } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
            Get-MemoryOwner owned | Should -BeNullOrEmpty
        } finally {
            Remove-MemoryAllocator owned
        }
    }

    It 'allocates a block' {
        $block = New-MemoryBlock 5KB -Owner 7
        $block | Should -BeOfType DimensionStore.PowerShell.MemoryBlock
        $block.Size | Should -Be 5120
        $block.UsableSize | Should -Be 16KB
        $block.Owner | Should -Be 7
        $block.IsLive | Should -BeTrue
        $block.BaseAddress | Should -BeOfType long
    }

    It 'allocates and numbers a block in one, so that no cmdlet of another runspace meets it half made' {
        $allocator = New-MemoryAllocator large gated -LimitBytes 1MB
        try {
            $gate = [DimensionStore.PowerShell.BlockSource].GetProperty('BlockGate', [System.Reflection.BindingFlags]'NonPublic, Instance').GetValue($allocator)
            $held = [System.Collections.Generic.List[bool]]::new()
            $allocator.Budget.add_PressureChanged({ $held.Add($gate.IsHeldByCurrentThread) })
            New-MemoryBlock 900KB -Allocator $allocator | Out-Null
            $held | Should -Be @($true)
        } finally {
            Remove-MemoryAllocator gated -WarningAction SilentlyContinue
        }
    }

    It 'allocates several, by count and from the pipeline' {
        $blocks = 4KB, 64KB | New-MemoryBlock -Count 3
        $blocks.Count | Should -Be 6
        ($blocks.BaseAddress | Select-Object -Unique).Count | Should -Be 6
        (Get-MemStats).PoolLiveBlocks | Should -Be 6
    }

    It 'allocates for the owner that comes by the pipeline, within its limit' {
        New-MemoryAllocator pool owned | Out-Null
        try {
            $block = Set-MemoryOwner owned 7 1500 -PassThru | New-MemoryBlock 1KB
            "$($block.Allocator) $($block.Owner)" | Should -Be 'owned 7'
            { Get-MemoryOwner owned 7 | New-MemoryBlock 1KB -ErrorAction Stop } | Should -Throw -ErrorId 'LimitExceeded,*'
            (1KB, 2KB | New-MemoryBlock -Owner 8 -Allocator owned).Owner | Should -Be 8, 8
            (Get-MemoryAllocator owned | New-MemoryBlock 1KB).Owner | Should -Be 0
        }
        finally { Remove-MemoryAllocator owned -WarningAction Ignore }
    }

    It 'zeroes a block that was used before' {
        $block = New-MemoryBlock 16
        Set-MemoryBlockContent $block ([byte[]](1..16))
        Remove-MemoryBlock $block
        (Get-MemoryBlockContent (New-MemoryBlock 16 -Zeroed)) | Should -Be (, [byte]0 * 16)
    }

    It 'allocates nothing with -WhatIf' {
        New-MemoryBlock 4KB -Count 5 -WhatIf | Should -BeNullOrEmpty
        (Get-MemStats).PoolLiveBlocks | Should -Be 0
    }

    It 'reports a size that no pool has' {
        New-MemoryBlock 1MB -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Match '^(AllocationFailed|LimitExceeded),DimensionStore.PowerShell.NewMemoryBlockCommand$'
    }

    It 'stops at the limit of the store' {
        Close-DimensionStore -All
        Open-DimensionStore (New-SampleStore) -NoSimulation -TotalMemoryMb 2 -ErrorAction SilentlyContinue | Out-Null
        $blocks = @(New-MemoryBlock 256KB -Count 20 -ErrorVariable problem -ErrorAction SilentlyContinue)
        $blocks.Count | Should -BeLessThan 9
        $problem.Count | Should -Be 1
        $problem[0].FullyQualifiedErrorId | Should -Match '^(AllocationFailed|LimitExceeded),'
    }

    It 'refuses a size of <_>' -ForEach 0, -1 {
        { New-MemoryBlock $_ } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }

    It 'needs a store' {
        Close-DimensionStore -All
        { New-MemoryBlock 4KB } | Should -Throw -ErrorId 'NoOpenStore,DimensionStore.PowerShell.NewMemoryBlockCommand'
    }
}

Describe 'A block that is refused' {
    AfterEach {
        Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue
        Close-DimensionStore -All
    }

    It 'comes with advice on the limit of the owner' {
        New-MemoryAllocator general a | Out-Null
        Set-MemoryOwner a 7 1KB
        New-MemoryBlock 2KB -Owner 7 -Allocator a -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^LimitExceeded,'
        $problem[0].ErrorDetails.RecommendedAction | Should -Match 'Set-MemoryOwner'
        $problem[0].ErrorDetails.RecommendedAction | Should -Not -Match 'TotalMemoryMb|dismount'
    }

    It 'comes with advice on the limit of the allocator' {
        New-MemoryAllocator pool a -LimitBytes 1MB | Out-Null
        New-MemoryBlock 64KB -Count 100 -Allocator a -ErrorVariable problem -ErrorAction SilentlyContinue | Out-Null
        $problem[0].FullyQualifiedErrorId | Should -Match '^LimitExceeded,'
        $problem[0].ErrorDetails.RecommendedAction | Should -Match 'New-MemoryAllocator -LimitBytes'
        $problem[0].ErrorDetails.RecommendedAction | Should -Not -Match 'TotalMemoryMb|dismount'
    }

    It 'comes with advice on the budget of the store' {
        Open-DimensionStore (New-SampleStore) -TotalMemoryMb 1 -NoSimulation -ErrorAction SilentlyContinue | Out-Null
        New-MemoryBlock 256KB -Count 8 -ErrorVariable problem -ErrorAction SilentlyContinue | Out-Null
        $problem[0].FullyQualifiedErrorId | Should -Match '^LimitExceeded,'
        $problem[0].ErrorDetails.RecommendedAction | Should -Match 'TotalMemoryMb'
    }
}

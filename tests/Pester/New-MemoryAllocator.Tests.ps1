BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'New-MemoryAllocator' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue -ErrorAction SilentlyContinue }

    It 'makes one of every kind that completion offers' {
        $kinds = (Get-Completion 'New-MemoryAllocator ').CompletionText
        $kinds | Should -Contain 'pool'
        foreach ($kind in $kinds) {
            $allocator = New-MemoryAllocator $kind "my-$kind" -LimitBytes 64MB
            $allocator | Should -BeOfType DimensionStore.PowerShell.MemoryAllocatorSession
            $allocator.Kind | Should -Be $kind
            $allocator.LimitBytes | Should -Be 64MB
            $block = New-MemoryBlock 4KB -Zeroed -Owner 3 -Allocator $allocator
            $block.UsableSize | Should -BeGreaterOrEqual 4096
            (Get-MemoryBlock -Allocator "my-$kind").BaseAddress | Should -Be $block.BaseAddress
            Set-MemoryBlockContent $block 'hello'
            Get-MemoryBlockContent $block -Count 5 -AsText | Should -Be 'hello'
            $allocator.LiveBlocks | Should -Be 1
            $block | Remove-MemoryBlock
            $allocator.LiveBlocks | Should -Be 0
            (Test-MemoryAllocator $allocator).IsIntact | Should -BeTrue
        }
    }

    It 'names allocators by kind and number' {
        $first, $second = (New-MemoryAllocator pool), (New-MemoryAllocator pool)
        $first.Name | Should -Match '^pool\d+$'
        $second.Name | Should -Not -Be $first.Name
    }

    It 'refuses a kind that there is not, a name that is taken and a limit of 0' {
        { New-MemoryAllocator arena } | Should -Throw -ErrorId 'InvalidArgument,*' -ExpectedMessage '*pool*'
        New-MemoryAllocator pool same | Out-Null
        { New-MemoryAllocator pool SAME } | Should -Throw -ErrorId 'AllocatorExists,*'
        { New-MemoryAllocator pool -LimitBytes 0 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }

    It 'refuses a name that other cmdlets would not find it by: <_>' -ForEach ' ', 'a*', 'b?' {
        { New-MemoryAllocator pool $_ } | Should -Throw -ErrorId 'InvalidArgument,*'
        Get-MemoryAllocator | Should -BeNullOrEmpty
    }

    It 'shows the limit whole at 80 columns' {
        New-MemoryAllocator general cache -LimitBytes 64GB | Out-String -Width 80 | Should -Match '68,719,476,736'
    }

    It 'makes nothing with -WhatIf' {
        New-MemoryAllocator pool -WhatIf | Should -BeNullOrEmpty
        Get-MemoryAllocator | Should -BeNullOrEmpty
    }

    It 'keeps to its limit' {
        New-MemoryAllocator pool small -LimitBytes 1MB | Out-Null
        $blocks = @(New-MemoryBlock 64KB -Count 100 -Allocator small -ErrorVariable problem -ErrorAction SilentlyContinue)
        $blocks.Count | Should -BeGreaterThan 0
        $blocks.Count | Should -BeLessOrEqual 16
        $problem[0].FullyQualifiedErrorId | Should -Match '^(AllocationFailed|LimitExceeded),'
        (Get-MemoryAllocator small).Pressure | Should -Be 'Critical'
    }

    It 'finds an overrun with -Diagnostic Canary' {
        $allocator = New-MemoryAllocator general guarded -Diagnostic Canary -StackEvery 1
        $block = New-MemoryBlock 100 -Owner 7 -Allocator $allocator
        [System.Runtime.InteropServices.Marshal]::WriteByte([System.IntPtr]$block.BaseAddress, 100, 1)
        Remove-MemoryBlock $block -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^MemoryFault,'
        $problem[0].Exception.Fault | Should -Be 'Overrun'
    }

    It 'measures times with -MeasureLatency' {
        $allocator = New-MemoryAllocator general -MeasureLatency
        New-MemoryBlock 100 -Count 20 -Allocator $allocator | Remove-MemoryBlock
        $allocator.AllocationLatency.SampleCount | Should -Be 20
        $allocator.FreeLatency.SampleCount | Should -Be 20
        (New-MemoryAllocator general).AllocationLatency | Should -BeNullOrEmpty
    }

    It 'gives idle memory back by itself with -TrimIdle' {
        $allocator = New-MemoryAllocator pool -LimitBytes 64MB -TrimIdle
        $kept = New-MemoryAllocator pool -LimitBytes 64MB
        foreach ($one in $allocator, $kept) {
            $blocks = @(New-MemoryBlock 64KB -Count 200 -Allocator $one)
            $blocks | Remove-MemoryBlock
        }

        $kept.CommittedBytes | Should -BeGreaterThan 10MB
        $deadline = [datetime]::UtcNow.AddSeconds(20)
        while ($allocator.Statistics.IdleBytes -gt 1MB -and [datetime]::UtcNow -lt $deadline) { Start-Sleep -Milliseconds 50 }
        $allocator.Statistics.IdleBytes | Should -BeLessOrEqual 1MB
        $kept.CommittedBytes | Should -BeGreaterThan 10MB
    }

    It 'refuses stacks without diagnostics' {
        { New-MemoryAllocator pool -StackEvery 1 } | Should -Throw -ErrorId 'InvalidArgument,*'
    }
}

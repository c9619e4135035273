BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Get-MemoryBlock' {
    BeforeEach {
        Open-DimensionStore (New-SampleStore) | Out-Null
        $blocks = New-MemoryBlock 4KB -Count 2 -Owner 1
        $other = New-MemoryBlock 64KB -Owner 2
    }
    AfterEach { Close-DimensionStore -All }

    It 'lists the blocks in use' {
        (Get-MemoryBlock).BaseAddress | Sort-Object | Should -Be (($blocks.BaseAddress + $other.BaseAddress) | Sort-Object)
    }

    It 'filters by owner and address' {
        (Get-MemoryBlock -Owner 2).BaseAddress | Should -Be $other.BaseAddress
        (Get-MemoryBlock $blocks[1].BaseAddress).UsableSize | Should -Be 4KB
        Get-MemoryBlock -Owner 99 -ErrorAction Stop | Should -BeNullOrEmpty
    }

    It 'no longer lists what was removed' {
        $blocks | Remove-MemoryBlock
        (Get-MemoryBlock).BaseAddress | Should -Be $other.BaseAddress
    }

    It 'reports an address at which no block begins' {
        Get-MemoryBlock ($other.BaseAddress + 8) -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'BlockNotFound,DimensionStore.PowerShell.GetMemoryBlockCommand'
    }
}

Describe 'Get-MemoryBlock and allocators' {
    AfterEach {
        Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue
        Close-DimensionStore -All
    }

    It 'never takes a variable that is not set for the pool of the store' {
        Open-DimensionStore (New-SampleStore) | Out-Null
        $block = New-MemoryBlock 4KB
        $typo = $null
        { Get-MemoryBlock -Allocator $typo | Remove-MemoryBlock } | Should -Throw -ErrorId 'InvalidArgument,*' -ExpectedMessage '*-Allocator*'
        { New-MemoryBlock 16 -Allocator $typo } | Should -Throw -ErrorId 'InvalidArgument,*'
        { Remove-MemoryBlock -Address $block.BaseAddress -Allocator $typo } | Should -Throw -ErrorId 'InvalidArgument,*'
        { Remove-MemoryBlock $block -Allocator $typo } | Should -Throw -ErrorId 'InvalidArgument,*'
        { Register-MemoryPressureEvent -Allocator $typo } | Should -Throw -ErrorId 'InvalidArgument,*'
        { [pscustomobject]@{ Allocator = $null } | Get-MemoryBlock } | Should -Throw -ErrorId 'InvalidArgument,*'
        $block.IsLive | Should -BeTrue
        # Blocks of the store have no allocator, and say so.
        ($block | Get-MemoryBlock).BaseAddress | Should -Contain $block.BaseAddress
    }

    It 'lists the blocks of the owners that come by the pipeline, and no others' {
        New-MemoryAllocator pool a | Out-Null
        New-MemoryAllocator segregated b | Out-Null
        $mine = New-MemoryBlock 64 -Count 2 -Owner 7 -Allocator a
        $others = New-MemoryBlock 64 -Owner 8 -Allocator a
        $elsewhere = New-MemoryBlock 64 -Owner 7 -Allocator b
        (Get-MemoryOwner a 7 | Get-MemoryBlock).BaseAddress | Sort-Object | Should -Be ($mine.BaseAddress | Sort-Object)
        @(Get-MemoryOwner a, b | Get-MemoryBlock).Count | Should -Be 4
        ($mine[0], $others | Get-MemoryBlock).Owner | Should -Be 7, 8
        @(Get-MemoryOwner a 7 | Get-MemoryBlock -Owner 8).Owner | Should -Be 8
        Get-MemoryOwner a 7 | Get-MemoryBlock | Remove-MemoryBlock
        $mine.IsLive + $others.IsLive + $elsewhere.IsLive | Should -Be $false, $false, $true, $true
    }

    It 'says that the allocator was removed meanwhile' {
        New-MemoryAllocator pool a | Out-Null
        New-MemoryBlock 64 -Count 5000 -Allocator a | Out-Null
        $seen = 0
        Get-MemoryBlock -Allocator a -ErrorVariable problem -ErrorAction SilentlyContinue | ForEach-Object {
            $seen++
            if ($seen -eq 1) { Remove-MemoryAllocator a -WarningAction SilentlyContinue }
        }
        $seen | Should -BeLessThan 5000
        @($problem).Count | Should -Be 1
        $problem[0].FullyQualifiedErrorId | Should -Be 'AllocatorClosed,DimensionStore.PowerShell.GetMemoryBlockCommand'
        $problem[0].ErrorDetails.RecommendedAction | Should -Match 'New-MemoryAllocator'
    }

    It 'tells when a block was allocated, where that is recorded' {
        New-MemoryAllocator general kept -Diagnostic Tracking | Out-Null
        $made = New-MemoryBlock 100 -Allocator kept
        $listed = Get-MemoryBlock -Allocator kept
        $listed.Age | Should -BeOfType timespan
        ([datetime]::UtcNow - $listed.AllocatedAt.UtcDateTime).TotalMinutes | Should -BeLessThan 5
        $made.Age | Should -BeOfType timespan
        New-MemoryAllocator pool plain | Out-Null
        New-MemoryBlock 100 -Allocator plain | Out-Null
        (Get-MemoryBlock -Allocator plain).Age | Should -BeNullOrEmpty
    }
}

BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Invoke-MemoryCollection' {
    BeforeEach {
        New-MemoryAllocator segregated a -LimitBytes 64MB | Out-Null
        New-MemoryBlock 1000 -Count 10 -Owner 3 -Allocator a | Out-Null
        New-MemoryBlock 1000 -Count 10 -Owner 4 -Allocator a | Out-Null
    }
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'frees nothing of owners that live' {
        (Invoke-MemoryCollection a).FreedBlocks | Should -Be 0
        (Get-MemoryAllocator a).LiveBlocks | Should -Be 20
    }

    It 'frees what an ended owner left' {
        Set-MemoryOwner a 3 -Ended
        $result = Invoke-MemoryCollection a
        $result.Strategy | Should -Be 'Global'
        $result.FreedBlocks | Should -Be 10
        $result.FreedBytes | Should -BeGreaterOrEqual 10000
        $result.OwnersCleaned | Should -Be 1
        (Get-MemoryOwner a 4).LiveBlocks | Should -Be 10
    }

    It 'collects from one owner, from large ones, and from what is unreferenced' {
        Set-MemoryOwner a 3, 4 -Ended
        (Invoke-MemoryCollection a -ThresholdBytes 1MB).FreedBlocks | Should -Be 0
        (Invoke-MemoryCollection a -Owner 4).FreedBlocks | Should -Be 10
        (Invoke-MemoryCollection a -Strategy Unreferenced).FreedBlocks | Should -Be 10
    }

    It 'does nothing with -WhatIf' {
        Set-MemoryOwner a 3 -Ended
        Invoke-MemoryCollection a -WhatIf | Should -BeNullOrEmpty
        (Get-MemoryAllocator a).LiveBlocks | Should -Be 20
    }

    It 'says which kind can collect' {
        New-MemoryAllocator pool b | Out-Null
        Invoke-MemoryCollection b -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^OperationNotSupported,'
        Optimize-MemoryAllocator b -Defragment -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^OperationNotSupported,'
    }
}

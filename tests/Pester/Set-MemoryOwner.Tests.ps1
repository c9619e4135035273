BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Set-MemoryOwner' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'limits an owner of <_> and names it in the error' -ForEach 'general', 'segregated', 'pool' {
        New-MemoryAllocator $_ a -LimitBytes 64MB | Out-Null
        (Set-MemoryOwner a 7 10000 -PassThru).LimitBytes | Should -Be 10000
        $blocks = @(New-MemoryBlock 4000 -Count 9 -Owner 7 -Allocator a -ErrorVariable problem -ErrorAction SilentlyContinue)
        $blocks | Should -HaveCount 2
        $problem[0].FullyQualifiedErrorId | Should -Match '^LimitExceeded,'
        $problem[0].Exception.Message | Should -Match '#7'
        (Get-MemoryOwner a 7).RefusedCount | Should -Be 1
        New-MemoryBlock 4000 -Owner 8 -Allocator a | Should -HaveCount 1
    }

    It 'takes several allocators and owners' {
        New-MemoryAllocator pool a | Out-Null
        New-MemoryAllocator segregated b | Out-Null
        $set = Set-MemoryOwner a, (Get-MemoryAllocator b) 7, 8 1MB -PassThru
        "$($set.ForEach({ "$($_.Allocator)$($_.Owner)" }))" | Should -Be 'a7 a8 b7 b8'
        Clear-MemoryOwner a, b 7 -PassThru | Should -HaveCount 2
    }

    It 'changes nothing with -WhatIf' {
        New-MemoryAllocator pool a | Out-Null
        Set-MemoryOwner a 7 1 -WhatIf
        New-MemoryBlock 4000 -Owner 7 -Allocator a | Should -HaveCount 1
    }

    It 'says that an owner has ended' {
        New-MemoryAllocator segregated a | Out-Null
        Set-MemoryOwner a 7 -Ended -PassThru -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'OwnerNotFound,DimensionStore.PowerShell.SetMemoryOwnerCommand'
        Invoke-MemoryCollection a -Owner 7 -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'OwnerNotFound,DimensionStore.PowerShell.InvokeMemoryCollectionCommand'
        New-MemoryBlock 100 -Owner 7 -Allocator a | Out-Null
        (Set-MemoryOwner a 7 -Ended -PassThru).HasEnded | Should -BeTrue
        (Invoke-MemoryCollection a -Owner 7).FreedBlocks | Should -Be 1
    }

    It 'starts an owner anew that has ended' {
        New-MemoryAllocator segregated a | Out-Null
        New-MemoryBlock 100 -Owner 7 -Allocator a | Out-Null
        Set-MemoryOwner a 7 -Ended
        New-MemoryBlock 100 -Owner 7 -Allocator a -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].Exception.Message | Should -Match 'Set-MemoryOwner'
        (Set-MemoryOwner a 7 1MB -PassThru).HasEnded | Should -BeFalse
        New-MemoryBlock 100 -Owner 7 -Allocator a | Should -HaveCount 1
    }

    It 'holds with diagnostics <_>' -ForEach 'Canary', 'GuardPage' {
        New-MemoryAllocator segregated a -Diagnostic $_ | Out-Null
        Set-MemoryOwner a 3 1KB
        New-MemoryBlock 100KB -Owner 3 -Allocator a -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Match '^LimitExceeded,'
        New-MemoryBlock 500 -Owner 3 -Allocator a | Should -HaveCount 1
        Set-MemoryOwner a 3 -Ended
        (Invoke-MemoryCollection a).FreedBlocks | Should -Be 1
        (Get-MemoryOwner a 3).LiveBlocks | Should -Be 0
        (Test-MemoryAllocator a).IsIntact | Should -BeTrue
    }

    It 'reports an allocator that there is not' {
        Set-MemoryOwner nobody 7 1 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^AllocatorNotFound,'
    }
}

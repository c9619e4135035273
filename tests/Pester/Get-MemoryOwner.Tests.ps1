BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Get-MemoryOwner' {
    BeforeAll { $kinds = (Get-Completion 'New-MemoryAllocator ').CompletionText }
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'shows what each owner has, for every kind of allocator' {
        foreach ($kind in $kinds) {
            New-MemoryAllocator $kind a -LimitBytes 64MB | Out-Null
            $blocks = @(New-MemoryBlock 1000 -Count 3 -Owner 7 -Allocator a) + @(New-MemoryBlock 500 -Owner 2 -Allocator a) + @(New-MemoryBlock 10 -Allocator a)
            $owners = Get-MemoryOwner a
            $owners.Owner | Should -Be 2, 7 -Because $kind
            $owners[1].LiveBlocks | Should -Be 3 -Because $kind
            $owners[1].UsedBytes | Should -BeGreaterOrEqual 3000 -Because $kind
            $owners[1].LimitBytes | Should -BeNullOrEmpty
            $blocks | Remove-MemoryBlock
            $after = Get-MemoryOwner a -Owner 7
            $after.UsedBytes | Should -Be 0 -Because $kind
            $after.PeakBytes | Should -BeGreaterOrEqual 3000 -Because $kind
            $after.FreeCount | Should -Be 3 -Because $kind
            Remove-MemoryAllocator a
        }
    }

    It 'knows nothing of an owner without blocks' {
        New-MemoryAllocator pool a | Out-Null
        Get-MemoryOwner a | Should -BeNullOrEmpty
        Get-MemoryOwner a 5 -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'OwnerNotFound,DimensionStore.PowerShell.GetMemoryOwnerCommand'
        $problem[0].Exception.Message | Should -Match '#5'
        Set-MemoryOwner a 5 1MB
        (Get-MemoryOwner a 5).LiveBlocks | Should -Be 0
        { Get-MemoryOwner a 0 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }
}

Describe 'An owner that there is not' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'is told of in the words of the module' {
        New-MemoryAllocator general a | Out-Null
        Get-MemoryOwner a 9 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^OwnerNotFound,'
        "$($problem[0])" | Should -Not -Match 'Ledger|GetAll'
    }
}

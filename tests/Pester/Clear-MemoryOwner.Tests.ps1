BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Clear-MemoryOwner' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'frees the blocks of an owner and no other''s, with <Kind> and diagnostics <Diagnostic>' -ForEach @(
        @{ Kind = 'general'; Diagnostic = 'None' }, @{ Kind = 'segregated'; Diagnostic = 'None' }, @{ Kind = 'buddy'; Diagnostic = 'Canary' }, @{ Kind = 'segregated'; Diagnostic = 'Tracking' }
    ) {
        New-MemoryAllocator $Kind a -LimitBytes 64MB -Diagnostic $Diagnostic | Out-Null
        New-MemoryBlock 1000 -Count 5 -Owner 7 -Allocator a | Out-Null
        $kept = New-MemoryBlock 1000 -Owner 8 -Allocator a
        Clear-MemoryOwner a 7 -WhatIf
        (Get-MemoryOwner a 7).LiveBlocks | Should -Be 5
        (Clear-MemoryOwner a 7 -PassThru).LiveBlocks | Should -Be 0
        $kept.IsLive | Should -BeTrue
        (Get-MemoryAllocator a).LiveBlocks | Should -Be 1
    }

    It 'does nothing for an owner whose blocks are gone, and refuses one that there never was, with <_>' -ForEach 'pool', 'segregated' {
        New-MemoryAllocator $_ a | Out-Null
        New-MemoryBlock 100 -Owner 7 -Allocator a | Remove-MemoryBlock
        (Clear-MemoryOwner a 7 -PassThru).FreeCount | Should -Be 1
        Clear-MemoryOwner a 8 -PassThru -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'OwnerNotFound,DimensionStore.PowerShell.ClearMemoryOwnerCommand'
        (Get-MemoryOwner a).Owner | Should -Be 7
    }
}

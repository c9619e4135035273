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

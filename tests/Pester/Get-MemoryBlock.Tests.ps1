BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Get-MemoryBlock' {
    BeforeEach {
        Open-DimensionStore (New-SampleStore) | Out-Null
        $blocks = New-MemoryBlock 4KB -Count 2 -Owner 1
        $other = New-MemoryBlock 64KB -Owner 2
    }
    AfterEach { Close-DimensionStore -All }

    It 'lists the blocks in use' {
        (Get-MemoryBlock).Address | Sort-Object | Should -Be (($blocks.Address + $other.Address) | Sort-Object)
    }

    It 'filters by owner and address' {
        (Get-MemoryBlock -Owner 2).Address | Should -Be $other.Address
        (Get-MemoryBlock $blocks[1].Address).UsableSize | Should -Be 4KB
        Get-MemoryBlock -Owner 99 -ErrorAction Stop | Should -BeNullOrEmpty
    }

    It 'no longer lists what was removed' {
        $blocks | Remove-MemoryBlock
        (Get-MemoryBlock).Address | Should -Be $other.Address
    }

    It 'reports an address at which no block begins' {
        Get-MemoryBlock ($other.Address + 8) -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'BlockNotFound,DimensionStore.PowerShell.GetMemoryBlockCommand'
    }
}

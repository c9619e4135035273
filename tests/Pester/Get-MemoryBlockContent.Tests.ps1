BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Get-MemoryBlockContent' {
    BeforeEach {
        Open-DimensionStore (New-SampleStore) | Out-Null
        $block = New-MemoryBlock 10 -Zeroed
        Set-MemoryBlockContent $block 'hello' -Offset 2
    }
    AfterEach { Close-DimensionStore -All }

    It 'reads the size that was asked for as one byte array' {
        $bytes = Get-MemoryBlockContent $block
        , $bytes | Should -BeOfType byte[]
        $bytes | Should -Be ([byte[]](0, 0, 104, 101, 108, 108, 111, 0, 0, 0))
    }

    It 'reads a part as text' {
        Get-MemoryBlockContent $block -Offset 2 -Count 5 -AsText | Should -Be 'hello'
    }

    It 'reads from the pipeline and by address' {
        ($block | Get-MemoryBlockContent -Offset 2 -Count 1)[0] | Should -Be 104
        Get-MemoryBlockContent -Address $block.BaseAddress -Offset 2 -Count 5 -AsText | Should -Be 'hello'
    }

    It 'refuses bytes outside the block' -ForEach @{ Offset = 4096; Count = 1 }, @{ Offset = 0; Count = 4097 }, @{ Offset = [long]::MaxValue; Count = 5 } {
        Get-MemoryBlockContent $block -Offset $Offset -Count $Count -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'OutOfBounds,DimensionStore.PowerShell.GetMemoryBlockContentCommand'
    }

    It 'refuses a block that was removed, or whose store is closed' {
        Remove-MemoryBlock $block
        Get-MemoryBlockContent $block -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'MemoryFault,DimensionStore.PowerShell.GetMemoryBlockContentCommand'
        $other = New-MemoryBlock 16
        Close-DimensionStore
        Get-MemoryBlockContent $other -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'StoreClosed,DimensionStore.PowerShell.GetMemoryBlockContentCommand'
    }
}

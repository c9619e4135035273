BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Optimize-MemoryAllocator' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'frees all blocks, then gives the memory back' {
        New-MemoryAllocator pool a | Out-Null
        New-MemoryBlock 100 -Count 50 -Allocator a | Out-Null
        Reset-MemoryAllocator a -Confirm:$false
        (Get-MemoryAllocator a).LiveBlocks | Should -Be 0
        $committed = (Get-MemoryAllocator a).CommittedBytes
        $recovery = Optimize-MemoryAllocator a
        $recovery.ReturnedBytes | Should -Be $committed
        $recovery.CommittedBytes | Should -Be 0
    }
}

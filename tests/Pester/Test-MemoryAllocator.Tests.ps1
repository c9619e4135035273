BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Test-MemoryAllocator' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'answers true or false with -Quiet' {
        New-MemoryAllocator pool | Test-MemoryAllocator -Quiet | Should -BeTrue
    }

    It 'names a double free' {
        New-MemoryAllocator pool a | Out-Null
        $block = New-MemoryBlock 100 -Allocator a
        Remove-MemoryBlock $block
        Remove-MemoryBlock $block -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^MemoryFault,'
        $problem[0].Exception.Fault | Should -Be 'DoubleFree'
    }
}

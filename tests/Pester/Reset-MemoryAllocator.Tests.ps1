BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Reset-MemoryAllocator' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'changes nothing with -WhatIf' {
        New-MemoryAllocator pool a | Out-Null
        New-MemoryBlock 100 -Allocator a | Out-Null
        Reset-MemoryAllocator a -WhatIf
        Optimize-MemoryAllocator a -WhatIf
        Remove-MemoryAllocator a -WhatIf
        (Get-MemoryAllocator a).LiveBlocks | Should -Be 1
    }
}

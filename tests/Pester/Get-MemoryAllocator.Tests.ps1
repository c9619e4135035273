BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Get-MemoryAllocator' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'lists by name and pattern, and says when there is none' {
        New-MemoryAllocator pool alpha | Out-Null
        New-MemoryAllocator pool beta | Out-Null
        (Get-MemoryAllocator).Name | Should -Be alpha, beta
        (Get-MemoryAllocator a*).Name | Should -Be alpha
        (Get-MemoryAllocator BETA).Name | Should -Be beta
        Get-MemoryAllocator x* | Should -BeNullOrEmpty
        Get-MemoryAllocator gamma -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Match '^AllocatorNotFound,'
    }

    It 'gives allocators to the cmdlets about blocks by the pipeline' {
        New-MemoryAllocator pool a | Out-Null
        New-MemoryBlock 100 -Owner 9 -Allocator a | Out-Null
        (Get-MemoryAllocator a | Get-MemoryBlock).Owner | Should -Be 9
        Get-MemoryAllocator a | Get-MemoryMap -AsText | Should -BeLike '*a*'
    }

    It 'finds them from another runspace' {
        New-MemoryAllocator pool shared | Out-Null
        $module = (Get-Module DimensionStore).Path
        1..2 | ForEach-Object -Parallel { Import-Module $using:module; (New-MemoryBlock 100 -Allocator shared).BaseAddress } | Should -HaveCount 2
        (Get-MemoryAllocator shared).LiveBlocks | Should -Be 2
    }

    It 'completes names' {
        New-MemoryAllocator pool zebra | Out-Null
        (Get-Completion 'Test-MemoryAllocator ze').CompletionText | Should -Be zebra
        (Get-Completion 'New-MemoryBlock 1 -Allocator ze').CompletionText | Should -Be zebra
    }
}

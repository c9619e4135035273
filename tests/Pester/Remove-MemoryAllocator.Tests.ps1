BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Remove-MemoryAllocator' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'warns of blocks in use and leaves them unusable' {
        $allocator = New-MemoryAllocator pool a
        $block = New-MemoryBlock 100 -Allocator a
        Remove-MemoryAllocator a -WarningVariable warning -WarningAction SilentlyContinue
        $warning | Should -Match '1 blocks'
        $block.IsLive | Should -BeFalse
        $allocator.IsOpen | Should -BeFalse
        Remove-MemoryBlock $block -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^AllocatorClosed,'
        { New-MemoryBlock 1 -Allocator $allocator } | Should -Throw -ErrorId 'AllocatorClosed,*'
        { New-MemoryBlock 1 -Allocator nobody } | Should -Throw -ErrorId 'AllocatorNotFound,*'
        Test-MemoryAllocator $allocator -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^AllocatorClosed,'
    }
}

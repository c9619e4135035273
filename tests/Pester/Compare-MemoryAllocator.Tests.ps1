BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Compare-MemoryAllocator' {
    It 'compares those that are named, with the system beside them' {
        $replays = Compare-MemoryAllocator (New-SampleTrace) -Allocator pool, buddy -Passes 1
        $replays.Allocator | Should -Be pool, buddy
        $replays.TimeRatio | ForEach-Object { $_ | Should -BeGreaterThan 0 }
    }

    It 'compares all when none is named' {
        $replays = Compare-MemoryAllocator (New-SampleTrace) -Passes 0
        $replays.Allocator | Should -Contain pool
        $replays.Count | Should -BeGreaterThan 2
        $replays[0].TimeRatio | Should -BeNullOrEmpty
    }

    It 'goes on behind one that cannot follow' {
        $replays = Compare-MemoryAllocator (New-SampleTrace -Size 300000) pool, buddy -LimitBytes 1MB -Passes 0 -ErrorVariable problem -ErrorAction SilentlyContinue
        $replays | Should -BeNullOrEmpty
        $problem.FullyQualifiedErrorId | Should -HaveCount 2
        $problem[1].FullyQualifiedErrorId | Should -Match '^TraceReplayFailed,'
    }

    It 'refuses an unknown allocator before it reads' {
        { Compare-MemoryAllocator missing -Allocator pool, nonsense -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument,*'
    }

    It 'completes allocators' {
        (Get-Completion 'Compare-MemoryAllocator x -Allocator bud').CompletionText | Should -Be buddy
    }
}

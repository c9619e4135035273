BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Measure-AllocationTrace' {
    It 'measures a <Name>' -ForEach @(@{ Name = 'sample.altrace' }, @{ Name = 'sample.altrace.gz' }) {
        $replay = Measure-AllocationTrace (New-SampleTrace $Name) pool -Passes 1
        $replay | Should -BeOfType DimensionStore.PowerShell.AllocationTraceReplay
        $replay.Allocator | Should -Be pool
        $replay.Operations | Should -Be 30
        $replay.PeakLiveBytes | Should -Be 2000
        $replay.NsPerOperation | Should -BeGreaterThan 0
        $replay.PeakCommittedBytes | Should -BeGreaterThan 1999
        $replay.InternalFragmentation | Should -BeGreaterOrEqual 0
        $replay.MetadataOverhead | Should -BeGreaterThan 0
        $replay.TimeRatio | Should -BeNullOrEmpty
    }

    It 'leaves the time out without passes' {
        [double]::IsNaN((Measure-AllocationTrace (New-SampleTrace) pool -Passes 0).NsPerOperation) | Should -BeTrue
    }

    It 'takes files from the pipeline, wildcards and objects of its own' {
        $trace = New-SampleTrace
        Get-ChildItem -LiteralPath (Split-Path $trace) | Measure-AllocationTrace -Allocator pool -Passes 0 | Should -HaveCount 1
        $replay = Measure-AllocationTrace (Join-Path (Split-Path $trace) *.altrace) pool -Passes 0
        ($replay | Measure-AllocationTrace -Allocator buddy -Passes 0).Allocator | Should -Be buddy
    }

    It 'names the record that does not fit the limit' {
        $trace = New-SampleTrace -Size 300000
        Measure-AllocationTrace $trace pool -LimitBytes 1MB -Passes 0 -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Match '^TraceReplayFailed,'
        $problem[0].Exception.RecordIndex | Should -BeLessThan 20
        $problem[0].TargetObject | Should -Be $trace
    }

    It 'names a broken rule and goes on' {
        $trace = New-SampleTrace
        $broken = New-SampleTrace
        Set-Byte $broken 64 7
        $replays = Measure-AllocationTrace $broken, $trace pool -Passes 0 -ErrorVariable problem -ErrorAction SilentlyContinue
        $replays | Should -HaveCount 1
        $problem[0].FullyQualifiedErrorId | Should -Match '^InvalidTrace,'
        "$($problem[0].Exception.Error)" | Should -Be UnknownOperation
        $problem[0].Exception.Offset | Should -Be 64
    }

    It 'reports a file that is not there' {
        Measure-AllocationTrace (Join-Path (New-TestDirectory) no.altrace) pool -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^PathNotFound,'
    }

    It 'refuses an unknown allocator before it reads' {
        { Measure-AllocationTrace missing -Allocator nonsense -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument,*'
    }

    It 'completes allocators' {
        (Get-Completion 'Measure-AllocationTrace x -Allocator poo').CompletionText | Should -Be pool
    }

    It 'has a view' {
        $text = Measure-AllocationTrace (New-SampleTrace) pool -Passes 1 | Out-String
        $text | Should -Match 'ns/op'
        $text | Should -Match 'sample\.altrace'
    }
}

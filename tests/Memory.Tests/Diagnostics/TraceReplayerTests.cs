namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>What a replay does with an allocator and what it says about it.</summary>
public sealed class TraceReplayerTests
{
    private static readonly TraceReplayOptions Quick = new() { TimedPasses = 2, WarmUp = TimeSpan.Zero };

    private static PoolAllocator Pool(long limit = 64L << 20) => new([new(64, 16L << 20), new(4096, 64L << 20), new(65536, 64L << 20)], limit);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_record_is_run_in_every_pass_and_nothing_stays_live(int threads)
    {
        AllocationTrace trace = Traces.Random(3, 5000, threads);
        int makes = 0;
        int frees = 0;
        foreach (TraceRecord record in trace.Records)
        {
            makes += record.Operation is TraceOperation.Free or TraceOperation.Reallocate ? 0 : 1;
            frees += record.Operation == TraceOperation.Free ? 1 : 0;
        }

        using PoolAllocator pool = Pool();
        using var counter = new CountingLayer(pool);
        TraceReplayResult result = TraceReplayer.Replay(trace, counter, Quick);

        // One checked pass, two that warm up, two that are timed.
        Assert.Equal(5L * makes, counter.Allocations);
        Assert.Equal(5L * makes, counter.Frees);
        Assert.True(frees < makes);
        Assert.Equal(0, pool.GetStatistics().LiveBlocks);
        Assert.Equal(5000, result.Operations);
        Assert.Equal((threads, threads, 2), (result.Threads, result.TraceThreads, result.TimedPasses));
        Assert.True(result.NsPerOperation >= result.FastestNsPerOperation && result.FastestNsPerOperation > 0);
        Assert.True(result.ReplayOverheadNs > 0);
        Assert.True(pool.CheckIntegrity().IsIntact);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Figures_are_those_of_the_peak(int threads)
    {
        // A hundred blocks of 4,000 bytes, each in a block of 4,096; then all but one are freed and smaller ones come.
        var records = new List<TraceRecord>();
        for (uint id = 0; id < 100; id++)
        {
            records.Add(Traces.Allocate(id, 4000, (byte)(id % threads)));
        }

        for (uint id = 1; id < 100; id++)
        {
            records.Add(Traces.Free(id, 4000, (byte)((id + 1) % threads)));
        }

        records.Add(Traces.Allocate(1, 10));
        AllocationTrace trace = AllocationTrace.FromRecords([.. records], threads);
        using PoolAllocator pool = Pool();
        TraceReplayResult result = TraceReplayer.Replay(trace, pool, Quick);

        Assert.Equal((400_000L, 100L), (result.PeakLiveBytes, result.PeakLiveObjects));
        Assert.Equal(1 - (4000.0 / 4096), result.InternalFragmentation, 9);
        Assert.Equal(pool.GetStatistics().PeakCommittedBytes, result.PeakCommittedBytes);
        Assert.InRange(result.PeakCommittedBytes, 409_600, 2 << 20);
        Assert.InRange(result.MetadataOverhead, 0.0001, 0.2);
        Assert.InRange(result.ExternalFragmentation, 0, 0.5);
        if (OperatingSystem.IsLinux())
        {
            Assert.InRange(result.PeakResidentBytes!.Value, 409_600, 409_600 + (long)(result.MetadataOverhead * 409_600) + 8192);
        }
    }

    [Fact]
    public void Timing_may_be_left_out()
    {
        using PoolAllocator pool = Pool();
        TraceReplayResult result = TraceReplayer.Replay(Traces.Sample(), pool, new TraceReplayOptions { TimedPasses = 0 });

        Assert.True(double.IsNaN(result.NsPerOperation) && double.IsNaN(result.ReplayOverheadNs));
        Assert.Equal(396, result.PeakLiveBytes);
    }

    [Fact]
    public void An_empty_trace_is_replayed()
    {
        using PoolAllocator pool = Pool();
        TraceReplayResult result = TraceReplayer.Replay(AllocationTrace.FromRecords([]), pool, Quick);

        Assert.Equal((0L, 0L, 0.0), (result.Operations, result.PeakLiveBytes, result.InternalFragmentation));
        Assert.True(double.IsNaN(result.NsPerOperation) && double.IsNaN(result.FastestNsPerOperation) && double.IsNaN(result.ReplayOverheadNs));
        Assert.NotNull(result.PeakResidentBytes);
    }

    [Fact]
    public void Timed_passes_allocate_no_managed_memory()
    {
        using PoolAllocator pool = Pool();
        Assert.Equal(0, TraceReplayer.Replay(Traces.Random(4, 5000), pool, Quick).ManagedBytesPerOperation);
        Assert.Equal(0, TraceReplayer.Replay(Traces.Random(4, 5000, threads: 3), pool, Quick).ManagedBytesPerOperation);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(4, true)]
    [InlineData(4, false)]
    public void A_failure_names_its_record_and_leaves_nothing_live(int threads, bool isThreadSafe)
    {
        var records = new List<TraceRecord>();
        for (uint id = 0; id < 50; id++)
        {
            records.Add(Traces.Allocate(id, 100, (byte)(id % threads)));
        }

        records.Add(Traces.Free(7, 100, (byte)(6 % threads)));
        records.Add(Traces.Allocate(7, 70_000));
        records.Add(Traces.Free(8, 100, (byte)(3 % threads)));
        records.Add(Traces.Free(7, 70_000, (byte)(threads - 1)));
        AllocationTrace trace = AllocationTrace.FromRecords([.. records], threads);
        using PoolAllocator pool = Pool();
        using var layer = new CountingLayer(pool, isThreadSafe);
        TraceReplayException failure = Assert.Throws<TraceReplayException>(() => TraceReplayer.Replay(trace, layer, Quick));

        Assert.Equal(51, failure.RecordIndex);
        Assert.Equal(70_000u, failure.Record.Size);
        Assert.IsType<AllocationFailedException>(failure.InnerException);
        Assert.Contains("record 51", failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, pool.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void An_alignment_that_an_allocator_does_not_make_is_a_failure_of_its_record()
    {
        AllocationTrace trace = AllocationTrace.FromRecords([new(TraceOperation.AllocateAligned, 0, 25, 0, 100)]);
        using PoolAllocator pool = Pool();

        Assert.Equal(0, Assert.Throws<TraceReplayException>(() => TraceReplayer.Replay(trace, pool, Quick)).RecordIndex);
    }

    [Fact]
    public void Threads_become_one_where_the_allocator_takes_only_one()
    {
        using PoolAllocator pool = Pool();
        using var layer = new CountingLayer(pool, isThreadSafe: false);
        TraceReplayResult result = TraceReplayer.Replay(Traces.Random(5, 3000, threads: 4), layer, Quick);

        Assert.Equal((1, 4), (result.Threads, result.TraceThreads));
        Assert.Equal([Environment.CurrentManagedThreadId], layer.Threads);
    }

    [Fact]
    public void Each_thread_of_a_trace_makes_and_frees_its_own_records()
    {
        // Thread 1 only allocates and thread 2 only frees: a pipeline, which must not run dry or over.
        var records = new List<TraceRecord>();
        for (uint round = 0; round < 20_000; round++)
        {
            records.Add(Traces.Allocate(round % 8, 64, thread: 1));
            records.Add(Traces.Free(round % 8, 64, thread: 2));
        }

        AllocationTrace trace = AllocationTrace.FromRecords([.. records], threadCount: 3);
        using PoolAllocator pool = Pool();
        using var layer = new CountingLayer(pool);
        TraceReplayer.Replay(trace, layer, Quick);

        Assert.Equal(2, layer.Threads.Count);
        Assert.DoesNotContain(Environment.CurrentManagedThreadId, layer.Threads);
        // How far the maker may be ahead: one window, and what it does between two looks.
        Assert.InRange(pool.GetStatistics().PeakLiveBytes, 64, 64 * 8192);
    }

    [Fact]
    public void A_long_chain_over_threads_keeps_each_objects_order()
    {
        var random = new Random(1);
        var records = new List<TraceRecord>();
        for (uint id = 0; id < 200; id++)
        {
            records.Add(Traces.Allocate(id, 100, (byte)random.Next(6)));
        }

        for (int i = 0; i < 20_000; i++)
        {
            records.Add(Traces.Reallocate((uint)random.Next(200), (uint)random.Next(1, 3000), (byte)random.Next(6)));
        }

        using PoolAllocator pool = Pool();
        TraceReplayResult result = TraceReplayer.Replay(AllocationTrace.FromRecords([.. records], 6), pool, Quick);

        Assert.Equal(6, result.Threads);
        Assert.Equal(0, pool.GetStatistics().LiveBlocks);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Blocks_that_overlap_are_found(int threads)
    {
        AllocationTrace trace = AllocationTrace.FromRecords(
            [Traces.Allocate(0, 200), Traces.Allocate(1, 200), Traces.Free(0, 200), Traces.Free(1, 200), Traces.Allocate(0, 1, (byte)(threads - 1)), Traces.Free(0, 1, (byte)(threads - 1))],
            threads);
        using PoolAllocator pool = Pool();
        using var broken = new OverlapLayer(pool);
        TraceReplayException failure = Assert.Throws<TraceReplayException>(() => TraceReplayer.Replay(trace, broken, Quick));

        Assert.Equal(2, failure.RecordIndex);
        Assert.Contains("does not hold", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Blocks_that_are_not_zero_or_not_aligned_are_found()
    {
        using PoolAllocator pool = Pool();
        using var broken = new OverlapLayer(pool);
        AllocationTrace zero = AllocationTrace.FromRecords([Traces.Allocate(0, 64), Traces.Free(0, 64), new(TraceOperation.AllocateZeroed, 0, 0, 0, 64)]);
        Assert.Contains("was to be zero", Assert.Throws<TraceReplayException>(() => TraceReplayer.Replay(zero, broken, Quick)).Message, StringComparison.Ordinal);
        AllocationTrace aligned = AllocationTrace.FromRecords([new(TraceOperation.AllocateAligned, 0, 14, 0, 64)]);
        Assert.Contains("not aligned", Assert.Throws<TraceReplayException>(() => TraceReplayer.Replay(aligned, broken, Quick)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Arguments_are_checked()
    {
        using PoolAllocator pool = Pool();
        Assert.Throws<ArgumentOutOfRangeException>(() => TraceReplayer.Replay(Traces.Sample(), pool, new TraceReplayOptions { TimedPasses = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => TraceReplayer.Replay(Traces.Sample(), pool, new TraceReplayOptions { TimedPasses = 1001 }));
        Assert.Throws<OperationCanceledException>(() => TraceReplayer.Replay(Traces.Sample(), pool, Quick with { Cancellation = new CancellationToken(canceled: true) }));
        Assert.Equal(0, pool.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Passes_of_the_systems_allocator_are_those_of_a_replay()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => TraceReplayer.TimeNativeMemory(Traces.Sample(), new TraceReplayOptions { TimedPasses = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => TraceReplayer.TimeNativeMemory(Traces.Sample(), new TraceReplayOptions { TimedPasses = 1001 }));
        Assert.Equal(double.NaN, TraceReplayer.TimeNativeMemory(Traces.Sample(), new TraceReplayOptions { TimedPasses = 0 }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void The_systems_allocator_is_timed_alike(int threads) => Assert.True(TraceReplayer.TimeNativeMemory(Traces.Random(6, 2000, threads), Quick) > 0);

    [Fact]
    public void A_suggested_capacity_suffices_for_pages()
    {
        Assert.Equal(1L << 30, TraceReplayer.SuggestCapacity(Traces.Sample()));
        AllocationTrace many = AllocationTrace.FromRecords([.. Enumerable.Range(0, 200_000).Select(id => Traces.Allocate((uint)id, 1))]);
        Assert.InRange(TraceReplayer.SuggestCapacity(many), 4 * 200_000L * 4096, 8 * 200_000L * 4096);
    }

    [Fact]
    public void A_suggested_capacity_has_room_for_alignments()
    {
        AllocationTrace trace = AllocationTrace.FromRecords([new(TraceOperation.AllocateAligned, 0, 30, 0, 100), Traces.Free(0, 100)]);
        Assert.InRange(TraceReplayer.SuggestCapacity(trace), 4L << 30, 8L << 30);
        using MemoryAllocator zones = AllocatorCatalog.Create("zone", new AllocatorSettings { CapacityBytes = TraceReplayer.SuggestCapacity(trace) });
        Assert.Equal(2, TraceReplayer.Replay(trace, zones, new TraceReplayOptions { TimedPasses = 0 }).Operations);
    }

    [Fact]
    public void A_suggested_capacity_is_one_that_the_allocator_takes()
    {
        AllocationTrace huge = Huge();
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            long suggested = TraceReplayer.SuggestCapacity(huge, kind);
            Assert.Equal(Math.Min(TraceReplayer.SuggestCapacity(huge), kind.MaxCapacityBytes), suggested);
            kind.Create(new AllocatorSettings { CapacityBytes = suggested }).Dispose();
        }
    }

    [Fact]
    public void A_trace_that_would_fill_the_machine_is_refused_with_the_numbers()
    {
        AllocationTrace huge = Huge();
        TraceTooLargeException refusal = Assert.Throws<TraceTooLargeException>(() => TraceReplayer.RequireMemory(huge));

        Assert.Equal(huge.PeakLiveBytes, refusal.PeakLiveBytes);
        Assert.InRange(refusal.AvailableBytes, 1 << 20, huge.PeakLiveBytes);
        Assert.Contains($"{huge.PeakLiveBytes:N0} bytes live", refusal.Message, StringComparison.Ordinal);
        TraceReplayer.RequireMemory(Traces.Sample());
    }

    [Theory]
    [InlineData("MemTotal: 1 kB\nMemAvailable:    2048 kB\n", 2048L << 10)]
    [InlineData("MemTotal: 1 kB", null)]
    [InlineData("MemAvailable: many kB", null)]
    [InlineData("MemAvailable: 99999999999999999999 kB", null)]
    [InlineData("MemAvailable: 9223372036854775807 kB", null)]
    public void Available_memory_is_read_from_what_the_system_says(string text, long? expected) => Assert.Equal(expected, AvailableMemory.Parse(text.Split('\n')));

    /// <summary>16 TB live, in 48 KB of records.</summary>
    private static AllocationTrace Huge() => AllocationTrace.FromRecords([.. Enumerable.Range(0, 4000).Select(id => Traces.Allocate((uint)id, uint.MaxValue))]);

    private sealed class CountingLayer(MemoryAllocator inner, bool isThreadSafe = true) : AllocatorLayer(inner)
    {
        private long _allocations;
        private long _frees;

        public override bool IsThreadSafe => isThreadSafe;

        internal long Allocations => Interlocked.Read(ref _allocations);

        internal long Frees => Interlocked.Read(ref _frees);

        internal HashSet<int> Threads { get; } = [];

        public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
        {
            Interlocked.Increment(ref _allocations);
            NoteThread();
            return base.Allocate(size, alignment, options, owner);
        }

        public override void Free(nint address)
        {
            base.Free(address);
            Interlocked.Increment(ref _frees);
            NoteThread();
        }

        public override nint Reallocate(nint address, nuint size, OwnerId owner = default) => Inner.Reallocate(address, size, owner);

        private void NoteThread()
        {
            lock (Threads)
            {
                Threads.Add(Environment.CurrentManagedThreadId);
            }
        }
    }

    /// <summary>An allocator that gives one block to everybody.</summary>
    private sealed class OverlapLayer : AllocatorLayer
    {
        private readonly nint _block;

        internal OverlapLayer(MemoryAllocator inner)
            : base(inner)
            => _block = inner.Allocate(4096) + 16;

        public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) => _block;

        public override void Free(nint address)
        {
        }
    }
}

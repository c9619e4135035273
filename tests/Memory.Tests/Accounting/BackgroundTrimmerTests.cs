namespace DimensionStore.Memory.Tests.Accounting;

/// <summary>Memory that goes back by itself: after two looks and not after one, and never because of what a look cannot do.</summary>
public sealed class BackgroundTrimmerTests
{
    private const long MiB = 1 << 20;

    private readonly ManualTimers _time = new();

    public static TheoryData<string> Kinds => [.. AllocatorCatalog.All.Select(static kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_a_peak_leaves_goes_back_after_two_looks(string kind)
    {
        using MemoryAllocator allocator = AllocatorCatalog.Find(kind).Create(new AllocatorSettings { CapacityBytes = 256 * MiB });
        using BackgroundTrimmer trimmer = new(time: _time);
        trimmer.Watch(allocator);
        nint kept = allocator.Allocate(100);
        Peak(allocator);
        long idle = allocator.GetStatistics().IdleBytes;

        _time.Fire();
        Assert.Equal((0, 0), (trimmer.TrimCount, trimmer.ReturnedBytes));
        Assert.Equal(idle, allocator.GetStatistics().IdleBytes);

        _time.Fire();
        AllocatorStatistics after = allocator.GetStatistics();
        Assert.InRange(after.IdleBytes, 0, MiB);
        Assert.True(trimmer.ReturnedBytes >= idle - MiB, $"{trimmer.ReturnedBytes:N0} bytes of {idle:N0} went back.");
        Assert.Null(trimmer.LastError);
        allocator.Free(kept);
    }

    [Fact]
    public void Pages_between_the_survivors_of_a_peak_go_back()
    {
        using SlabAllocator slab = new(256 * MiB);
        using BackgroundTrimmer trimmer = new(time: _time);
        trimmer.Watch(slab);
        nint[] blocks = [.. Enumerable.Range(0, 4000).Select(_ => slab.Allocate(4096))];
        FreeAll(slab, [.. blocks.Where((_, i) => i % 32 != 0)]);
        FireTimes(2);
        Assert.Equal(1, trimmer.TrimCount);
        Assert.True(trimmer.ReturnedBytes > 14 * MiB, $"{trimmer.ReturnedBytes:N0} bytes went back.");
        FireTimes(4);
        Assert.Equal(1, trimmer.TrimCount);
    }

    [Fact]
    public void Waves_keep_their_memory()
    {
        using PoolAllocator pool = NewPool();
        using BackgroundTrimmer trimmer = new(time: _time);
        trimmer.Watch(pool);
        for (int wave = 0; wave < 5; wave++)
        {
            nint[] blocks = Fill(pool);
            _time.Fire();
            FreeAll(pool, blocks);
            _time.Fire();
        }

        Assert.Equal(0, trimmer.TrimCount);
        _time.Fire();
        Assert.Equal(1, trimmer.TrimCount);
    }

    [Fact]
    public void What_is_worth_keeping_stays()
    {
        using PoolAllocator pool = NewPool();
        Peak(pool);
        long idle = pool.GetStatistics().IdleBytes;
        using (BackgroundTrimmer keeps = new(new BackgroundTrimOptions { KeepBytes = idle }, _time))
        {
            keeps.Watch(pool);
            FireTimes(3);
            Assert.Equal(0, keeps.TrimCount);
        }

        nint live = pool.Allocate(262_144);
        idle = pool.GetStatistics().IdleBytes;
        using (BackgroundTrimmer keeps = new(new BackgroundTrimOptions { KeepBytes = 0, KeepFraction = idle / 262_144.0 }, _time))
        {
            keeps.Watch(pool);
            FireTimes(3);
            Assert.Equal(0, keeps.TrimCount);
        }

        using (BackgroundTrimmer gives = new(new BackgroundTrimOptions { KeepBytes = idle - 1 }, _time))
        {
            gives.Watch(pool);
            FireTimes(3);
            Assert.Equal(1, gives.TrimCount);
        }

        pool.Free(live);
    }

    [Fact]
    public void What_does_not_go_back_is_not_asked_for_again_until_there_is_more()
    {
        StubbornAllocator stubborn = new() { Idle = 8 * MiB };
        using BackgroundTrimmer trimmer = new(time: _time);
        trimmer.Watch(stubborn);
        FireTimes(6);
        Assert.Equal(1, stubborn.Trims);
        stubborn.Idle += 1;
        FireTimes(6);
        Assert.Equal(2, stubborn.Trims);
        GC.KeepAlive(stubborn);
    }

    [Fact]
    public void A_handler_that_throws_ends_nothing()
    {
        MemoryBudget budget = new("test", 64 * MiB, new PressureThresholds(10, 20, 30));
        using PoolAllocator pool = new(PoolConfig.Default, 64 * MiB, budget);
        using PoolAllocator other = NewPool();
        using BackgroundTrimmer trimmer = new(time: _time);
        Peak(pool);
        Peak(other);
        budget.PressureChanged += static (_, _) => throw new InvalidOperationException("from a handler");
        trimmer.Watch(pool);
        trimmer.Watch(other);
        FireTimes(2);
        Assert.Equal("from a handler", Assert.IsType<InvalidOperationException>(trimmer.LastError).Message);
        Assert.InRange(other.GetStatistics().IdleBytes, 0, MiB);
        Assert.Equal(1, _time.ArmedCount);
    }

    [Fact]
    public void Disposed_allocators_are_left_out()
    {
        PoolAllocator pool = NewPool();
        Peak(pool);
        using BackgroundTrimmer trimmer = new(time: _time);
        trimmer.Watch(pool);
        _time.Fire();
        pool.Dispose();
        FireTimes(3);
        Assert.Equal(0, trimmer.TrimCount);
        Assert.Null(trimmer.LastError);
    }

    [Fact]
    public void Nothing_runs_while_nothing_is_watched()
    {
        using PoolAllocator pool = NewPool();
        BackgroundTrimmer trimmer = new(time: _time);
        Assert.Equal(0, _time.ArmedCount);
        trimmer.Watch(pool);
        trimmer.Watch(pool);
        Assert.Equal(1, _time.ArmedCount);
        Assert.True(trimmer.Unwatch(pool));
        Assert.False(trimmer.Unwatch(pool));
        _time.Fire();
        Assert.Equal(0, _time.ArmedCount);
        trimmer.Watch(pool);
        Assert.Equal(1, _time.ArmedCount);
        trimmer.Dispose();
        Assert.Equal(0, _time.ArmedCount);
        Assert.Throws<ObjectDisposedException>(() => trimmer.Watch(pool));
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new BackgroundTrimmer(new BackgroundTrimOptions { Interval = TimeSpan.FromMilliseconds(9) }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BackgroundTrimmer(new BackgroundTrimOptions { Interval = TimeSpan.FromDays(2) }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BackgroundTrimmer(new BackgroundTrimOptions { KeepFraction = double.NaN }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BackgroundTrimmer(new BackgroundTrimOptions { KeepBytes = -1 }));
        using BackgroundTrimmer trimmer = new(time: _time);
        Assert.Throws<ArgumentNullException>(() => trimmer.Watch(null!));
        Assert.Throws<ArgumentException>(() => trimmer.Watch(new StubbornAllocator { ThreadSafe = false }));
    }

    [Fact]
    public async Task The_systems_timer_gives_memory_back()
    {
        using PoolAllocator pool = NewPool();
        using BackgroundTrimmer trimmer = new(new BackgroundTrimOptions { Interval = TimeSpan.FromMilliseconds(10) });
        Peak(pool);
        trimmer.Watch(pool);
        while (trimmer.TrimCount == 0)
        {
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        Assert.InRange(pool.GetStatistics().IdleBytes, 0, MiB);
    }

    private static PoolAllocator NewPool() => new(PoolConfig.Default, 64 * MiB);

    private static void Peak(MemoryAllocator allocator) => FreeAll(allocator, Fill(allocator));

    private static nint[] Fill(MemoryAllocator allocator) => [.. Enumerable.Range(0, 500).Select(_ => allocator.Allocate(40_000))];

    private static void FreeAll(MemoryAllocator allocator, nint[] blocks)
    {
        foreach (nint block in blocks)
        {
            allocator.Free(block);
        }
    }

    private void FireTimes(int times)
    {
        for (int i = 0; i < times; i++)
        {
            _time.Fire();
        }
    }

    /// <summary>Says that it could give memory back, and does not.</summary>
    private sealed class StubbornAllocator : MemoryAllocator
    {
        internal long Idle { get; set; }

        internal int Trims { get; private set; }

        internal bool ThreadSafe { get; init; } = true;

        public override string Name => "StubbornAllocator";

        public override bool IsThreadSafe => ThreadSafe;

        public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) => throw new NotSupportedException();

        public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) => throw new NotSupportedException();

        public override void Free(nint address) => throw new NotSupportedException();

        public override void FreeSized(nint address, nuint size) => throw new NotSupportedException();

        public override nuint UsableSize(nint address) => throw new NotSupportedException();

        public override bool Owns(nint address) => false;

        public override void Reset()
        {
        }

        public override long Trim()
        {
            Trims++;
            return 0;
        }

        public override AllocatorStatistics GetStatistics() => new() { IdleBytes = Idle, CommittedBytes = Idle };

        public override IEnumerable<BlockInfo> EnumerateBlocks() => [];

        public override IEnumerable<MemoryExtent> EnumerateExtents() => [];

        public override IntegrityReport CheckIntegrity() => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
        }
    }
}

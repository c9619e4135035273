namespace DimensionStore.Memory.Tests.Accounting;

/// <summary>The four strategies, and automatic collection by a clock that stands still until it is told.</summary>
public sealed class GlobalCollectorTests
{
    private static readonly OwnerId Small = new(1);
    private static readonly OwnerId Big = new(2);
    private static readonly OwnerId Alive = new(3);

    [Fact]
    public void Global_frees_what_is_unreferenced_of_all_owners_and_returns_memory()
    {
        using SegregatedAllocator allocator = WithOwners();
        CollectorStatistics statistics = new GlobalCollector(allocator).Collect(CollectionStrategy.Global);
        Assert.Equal((11L, 1_010_080L, 2), (statistics.FreedBlocks, statistics.FreedBytes, statistics.OwnersCleaned));
        Assert.True(statistics.ReturnedBytes > 900_000);
        Assert.Equal((1L, 0L), (allocator.GetStatistics().LiveBlocks, allocator.GetStatistics().IdleBytes));
    }

    [Fact]
    public void Threshold_leaves_small_owners_alone()
    {
        using SegregatedAllocator allocator = WithOwners();
        GlobalCollector collector = new(allocator);
        CollectorStatistics statistics = collector.Collect(CollectionStrategy.Threshold(100_000));
        Assert.Equal((1L, 1), (statistics.FreedBlocks, statistics.OwnersCleaned));
        Assert.Equal((10L, 0L), (allocator.GetOwnerUsage(Small).LiveBlocks, allocator.GetOwnerUsage(Big).LiveBlocks));
        Assert.Equal(0, collector.Collect(CollectionStrategy.DefaultThreshold).FreedBlocks);
        Assert.Equal(50L << 20, collector.ThresholdBytes);
        collector.SetThreshold(10_000);
        Assert.Equal(10, collector.Collect(CollectionStrategy.DefaultThreshold).FreedBlocks);
        Assert.Throws<ArgumentOutOfRangeException>(() => collector.SetThreshold(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => CollectionStrategy.Threshold(0));
    }

    [Fact]
    public void Targeted_collects_from_one_owner_and_not_while_it_lives()
    {
        using SegregatedAllocator allocator = WithOwners();
        GlobalCollector collector = new(allocator);
        Assert.Equal(0, collector.Collect(CollectionStrategy.Targeted(Alive)).FreedBlocks);
        Assert.Equal(10, collector.Collect(CollectionStrategy.Targeted(Small)).FreedBlocks);
        Assert.Equal(1, allocator.GetOwnerUsage(Big).LiveBlocks);
        allocator.EndOwner(Alive);
        Assert.Equal(1, collector.Collect(CollectionStrategy.Targeted(Alive)).FreedBlocks);
        Assert.Equal(3, collector.RunCount);
    }

    [Fact]
    public void Unreferenced_frees_blocks_and_returns_no_memory()
    {
        using SegregatedAllocator allocator = WithOwners();
        long committed = allocator.GetStatistics().CommittedBytes;
        CollectorStatistics statistics = new GlobalCollector(allocator).Collect(CollectionStrategy.Unreferenced);
        Assert.Equal((11L, 0L), (statistics.FreedBlocks, statistics.ReturnedBytes));
        Assert.Equal(committed, allocator.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Automatic_collection_waits_for_80_percent_and_five_seconds()
    {
        StoppedClock clock = new();
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(1 << 20);
        GlobalCollector collector = new(allocator, clock);
        Assert.Null(collector.AutoCollect());
        nint block = allocator.Allocate((1 << 20) * 79 / 100);
        Assert.False(collector.ShouldCollect);
        allocator.Allocate((1 << 20) / 100 + 16);
        Assert.True(collector.ShouldCollect);
        Assert.Equal("Global", collector.AutoCollect()?.Strategy.Name);
        Assert.False(collector.ShouldCollect);
        clock.Advance(TimeSpan.FromSeconds(4.999));
        Assert.Null(collector.AutoCollect());
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.NotNull(collector.AutoCollect());
        allocator.Free(block);
        clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Null(collector.AutoCollect());
    }

    private static SegregatedAllocator WithOwners()
    {
        SegregatedAllocator allocator = new();
        for (int i = 0; i < 10; i++)
        {
            allocator.Allocate(1_000, owner: Small);
        }

        allocator.Allocate(1_000_000, owner: Big);
        allocator.Allocate(2_000, owner: Alive);
        allocator.EndOwner(Small);
        allocator.EndOwner(Big);
        return allocator;
    }

    private sealed class StoppedClock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        internal void Advance(TimeSpan time) => _ticks += time.Ticks;
    }
}

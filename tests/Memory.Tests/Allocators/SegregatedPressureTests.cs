namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Pressure, events, collection by threshold, and the observer.</summary>
public sealed class SegregatedPressureTests
{
    private const int Percent = 16 * 655;
    private const int Capacity = 1 << 20;

    [Theory]
    [InlineData(59.9, PressureLevel.Normal)]
    [InlineData(60, PressureLevel.Warning)]
    [InlineData(79.9, PressureLevel.Warning)]
    [InlineData(80, PressureLevel.Eviction)]
    [InlineData(94.9, PressureLevel.Eviction)]
    [InlineData(95, PressureLevel.Critical)]
    [InlineData(100, PressureLevel.Critical)]
    public void Levels_are_the_specifications(double percent, PressureLevel expected) =>
        Assert.Equal(expected, PressureThresholds.SegregatedManager.LevelOf((long)(percent * 10), 1000));

    [Fact]
    public void Every_crossing_of_a_threshold_is_told_once_in_both_directions()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(Capacity);
        List<(PressureLevel, PressureLevel)> told = [];
        allocator.PressureChanged += (_, e) => told.Add((e.Previous, e.Current));
        Stack<nint> blocks = new();
        for (int i = 0; i < 97; i++)
        {
            blocks.Push(allocator.Allocate(Percent));
            Assert.Equal(PressureThresholds.SegregatedManager.LevelOf(allocator.GetStatistics().LiveBytes, Capacity), allocator.Pressure);
        }

        Assert.Equal([(PressureLevel.Normal, PressureLevel.Warning), (PressureLevel.Warning, PressureLevel.Eviction), (PressureLevel.Eviction, PressureLevel.Critical)], told);
        told.Clear();
        while (blocks.TryPop(out nint block))
        {
            allocator.Free(block);
        }

        Assert.Equal([(PressureLevel.Critical, PressureLevel.Eviction), (PressureLevel.Eviction, PressureLevel.Warning), (PressureLevel.Warning, PressureLevel.Normal)], told);
        allocator.Allocate((nuint)Capacity * 96 / 100);
        Assert.Equal((PressureLevel.Normal, PressureLevel.Critical), told[^1]);
        allocator.Reset();
        Assert.Equal((PressureLevel.Critical, PressureLevel.Normal), told[^1]);
    }

    [Fact]
    public void Critical_pressure_collects_by_itself()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(Capacity);
        OwnerId gone = new(1);
        allocator.Allocate((nuint)Capacity / 2, owner: gone);
        allocator.EndOwner(gone);
        allocator.Allocate((nuint)Capacity * 46 / 100);
        Assert.Equal(0, allocator.GetOwnerUsage(gone).LiveBlocks);
        Assert.Equal(PressureLevel.Normal, allocator.Pressure);
    }

    [Fact]
    public void Hovering_at_the_critical_line_gives_memory_back_once()
    {
        Recorder recorder = new();
        using SegregatedAllocator allocator = new(new SegregatedOptions { CapacityBytes = Capacity, Observer = recorder });
        nint most = allocator.Allocate(86 * Percent);
        nint rest = allocator.Allocate(8 * Percent);
        long committed = 0;
        int changes = 0;
        int Round()
        {
            changes = 0;
            nint[] blocks = new nint[3];
            for (int i = 0; i < blocks.Length; i++)
            {
                blocks[i] = allocator.Allocate(Percent * 13 / 10);
                Count();
            }

            foreach (nint block in blocks)
            {
                allocator.Free(block);
                Count();
            }

            return changes;
        }

        void Count()
        {
            long now = allocator.GetStatistics().CommittedBytes;
            changes += now == committed ? 0 : 1;
            committed = now;
        }

        committed = allocator.GetStatistics().CommittedBytes;
        Assert.InRange(Round(), 1, 6);
        recorder.Events.Clear();
        int told = 0;
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(0, Round());
            told += 2;
            Assert.Equal(told, recorder.Events.Count(line => line.StartsWith("pressure", StringComparison.Ordinal)));
        }

        Assert.DoesNotContain(recorder.Events, line => line.StartsWith("collected", StringComparison.Ordinal));

        // Not quite a tenth of the capacity below the line; then as far, which is another peak.
        allocator.Free(rest);
        rest = allocator.Allocate(8 * Percent);
        Assert.Equal(0, Round());
        allocator.Free(rest);
        allocator.Free(most);
        most = allocator.Allocate(86 * Percent);
        rest = allocator.Allocate(8 * Percent);
        committed = allocator.GetStatistics().CommittedBytes;
        Assert.InRange(Round(), 1, 6);
        Assert.Equal(0, Round());
        Assert.Contains(recorder.Events, line => line.StartsWith("collected", StringComparison.Ordinal));
        Assert.Empty(allocator.CheckIntegrity().Violations);
    }

    [Fact]
    public void Every_crossing_of_the_critical_line_frees_what_an_ended_owner_has()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(Capacity);
        allocator.Allocate(94 * Percent);
        for (int owner = 1; owner <= 20; owner++)
        {
            OwnerId gone = new(owner);
            nint crossing = allocator.Allocate(Percent, owner: gone);
            allocator.Free(allocator.Allocate(Percent));
            Assert.Equal(crossing, Assert.Single(allocator.GetOwnerBlocks(gone)).Address);
            allocator.EndOwner(gone);
            allocator.Allocate(16);
            allocator.Free(allocator.Allocate(Percent));
            Assert.Equal(0, allocator.GetOwnerUsage(gone).LiveBlocks);
        }
    }

    [Fact]
    public void Request_that_would_fail_collects_first()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(Capacity);
        OwnerId gone = new(1);
        allocator.Allocate((nuint)Capacity / 2, owner: gone);
        allocator.EndOwner(gone);
        allocator.Allocate((nuint)Capacity * 3 / 4);
        Assert.Equal(0, allocator.GetOwnerUsage(gone).LiveBlocks);
    }

    [Fact]
    public void Collection_is_due_after_a_thousand_frees_or_as_many_as_are_set()
    {
        using SegregatedAllocator allocator = new();
        Assert.Equal(1_000, allocator.CollectionThreshold);
        FreeSome(allocator, 999);
        Assert.False(allocator.ShouldCollect);
        FreeSome(allocator, 1);
        Assert.True(allocator.ShouldCollect);
        Assert.Equal(1_000, allocator.GetUsage().DeallocatedBlocks);
        Assert.Equal(1_000, allocator.Collect().FreedBlocks);
        Assert.Equal((false, 0L), (allocator.ShouldCollect, allocator.GetUsage().DeallocatedBlocks));
        allocator.SetThreshold(500);
        FreeSome(allocator, 500);
        Assert.True(allocator.ShouldCollect);
        Assert.Equal(500, allocator.ForceCollect().FreedBlocks);
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.SetThreshold(0));
    }

    [Fact]
    public void Collection_keeps_a_mebibyte_and_a_forced_one_nothing()
    {
        using SegregatedAllocator allocator = new();
        FreeAllOf(allocator, [.. Enumerable.Range(0, 100).Select(_ => allocator.Allocate(100_000))]);
        Assert.True(allocator.Collect().ReturnedBytes > 8_000_000);
        Assert.InRange(allocator.GetStatistics().CommittedBytes, 1 << 20, (1 << 20) + 4096);
        allocator.ForceCollect();
        Assert.Equal(0, allocator.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Usage_has_every_field_of_the_specification()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(Capacity);
        nint a = allocator.Allocate(Capacity / 4);
        allocator.Allocate(Capacity / 4);
        allocator.Free(a);
        SegregatedUsage usage = allocator.GetUsage();
        Assert.Equal((Capacity, Capacity / 4, Capacity * 3L / 4, 25d), (usage.TotalBytes, usage.UsedBytes, usage.AvailableBytes, usage.UsagePercent));
        Assert.Equal((1L, 1L, PressureLevel.Normal), (usage.AllocatedBlocks, usage.DeallocatedBlocks, usage.Pressure));
        Assert.Equal(1 - ((double)usage.LargestFreeBytes / usage.FreeBytes), usage.FragmentationRatio);
    }

    [Fact]
    public void Observer_is_told_the_five_events_and_faults_outside_the_lock()
    {
        Recorder recorder = new();
        using SegregatedAllocator allocator = new(new SegregatedOptions { CapacityBytes = Capacity, Observer = recorder });
        nint a = allocator.Allocate(1_000, owner: new OwnerId(2));
        allocator.Free(a);
        Assert.Throws<MemoryFaultException>(() => allocator.Free(a));
        Assert.False(allocator.TryAllocate(2 * Capacity, out _));
        allocator.Allocate((nuint)Capacity * 85 / 100);
        allocator.Collect();
        allocator.Observer = null;
        allocator.Allocate(16);
        Assert.Equal(
            [
                "allocated 1000 #2", "freed 1008 #2", "fault DoubleFree", $"failed {2 * Capacity} of {Capacity}", "allocated 891289 none", "pressure Normal Eviction 85", "collected 1",
            ],
            recorder.Events);
    }

    private static void FreeSome(SegregatedAllocator allocator, int count) => FreeAllOf(allocator, [.. Enumerable.Range(0, count).Select(_ => allocator.Allocate(100))]);

    private static void FreeAllOf(SegregatedAllocator allocator, nint[] blocks)
    {
        foreach (nint block in blocks)
        {
            allocator.Free(block);
        }
    }

    /// <summary>Calls the allocator back on every event, which would hang if a lock were held.</summary>
    private sealed class Recorder : IAllocatorObserver
    {
        internal List<string> Events { get; } = [];

        public void OnAllocated(MemoryAllocator allocator, nint address, long bytes, OwnerId owner) => Add(allocator, $"allocated {bytes} {owner}");

        public void OnFreed(MemoryAllocator allocator, nint address, long bytes, OwnerId owner) => Add(allocator, $"freed {bytes} {owner}");

        public void OnAllocationFailed(MemoryAllocator allocator, long requestedBytes, long availableBytes, OwnerId owner) => Add(allocator, $"failed {requestedBytes} of {availableBytes}");

        public void OnPressureChanged(MemoryAllocator allocator, PressureLevel previous, PressureLevel current, double usagePercent) =>
            Add(allocator, $"pressure {previous} {current} {Math.Round(usagePercent)}");

        public void OnCollected(MemoryAllocator allocator, long freedBlocks, long freedBytes, TimeSpan duration) => Add(allocator, $"collected {freedBlocks}");

        public void OnFault(MemoryAllocator allocator, MemoryFaultException fault) => Add(allocator, $"fault {fault.Fault}");

        private void Add(MemoryAllocator allocator, string text)
        {
            _ = allocator.GetStatistics();
            Events.Add(text);
        }
    }
}

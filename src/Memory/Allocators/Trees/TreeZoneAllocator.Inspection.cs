using System.Diagnostics;

namespace DimensionStore.Memory;

/// <summary>What is there: statistics, enumeration; and giving back: reset, trim, dispose.</summary>
public sealed unsafe partial class TreeZoneAllocator
{
    private const int EnumerationBatch = 256;
    private const int TrimSlice = 4096;

    // What a membrane's objects take on the GC heap, about.

    private AllocatorStatistics _last;

    private long MetadataBytes => _map.MetadataBytes + _tags.MetadataBytes + _movables.MetadataBytes + ZoneMetadataBytes();

    /// <inheritdoc/>
    /// <remarks>After <see cref="MemoryAllocator.Dispose()"/>: the last statistics, with nothing committed or live and the blocks that were still live as leaked.</remarks>
    public override AllocatorStatistics GetStatistics()
    {
        EnterAll();
        AllocatorStatistics statistics = _disposed ? _last : Snapshot();
        ExitAll();
        return statistics;
    }

    /// <summary>The nine fields of the specification (<c>dtesn_mem_stats</c>).</summary>
    public TreeZoneStatistics GetZoneStatistics()
    {
        EnterAll();
        AllocatorStatistics statistics = _disposed ? _last : Snapshot();
        long allocationTicks = 0;
        long allocationSamples = 0;
        long freeTicks = 0;
        long freeSamples = 0;
        foreach (TreeZone zone in _zones)
        {
            allocationTicks += zone.AllocationTicks;
            allocationSamples += zone.AllocationSamples;
            freeTicks += zone.FreeTicks;
            freeSamples += zone.FreeSamples;
        }

        TreeZoneStatistics result = new()
        {
            TotalAllocatedBytes = statistics.LiveBytes,
            TotalFreeBytes = _disposed ? 0 : _capacityBytes - statistics.LiveBytes,
            PeakUsageBytes = statistics.PeakLiveBytes,
            AllocationCount = statistics.AllocationCount,
            DeallocationCount = statistics.FreeCount,
            FragmentationPercent = (int)Math.Round(100 * statistics.ExternalFragmentation),
            OverheadPercent = (int)Math.Min(int.MaxValue, Math.Round(100 * statistics.MetadataOverhead)),
            AverageAllocationNanoseconds = MeanNanoseconds(allocationTicks, allocationSamples),
            AverageFreeNanoseconds = MeanNanoseconds(freeTicks, freeSamples),
        };
        ExitAll();
        return result;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<AllocatorGroup> GetGroups() =>
        [.. GetZones().Select(zone => new AllocatorGroup(AllocatorGroupKind.Zone, NameOf(zone.Level), zone.LiveBlocks, zone.AllocatedBytes, zone.FreeBlocks, zone.CommittedBytes, zone.ZoneBytes))];

    /// <inheritdoc/>
    public override IEnumerable<BlockInfo> EnumerateBlocks()
    {
        ThrowIfDisposed();
        return Enumerate();
    }

    /// <inheritdoc/>
    public override IEnumerable<MemoryExtent> EnumerateExtents()
    {
        List<MemoryExtent> extents = [];
        for (int level = 0; level < LevelCount; level++)
        {
            TreeZone zone = Enter(level);
            for (int leaf = zone.FirstLeaf; leaf < zone.TopLeaf; leaf++)
            {
                int first = leaf;
                while (leaf < zone.TopLeaf && (_map.Words[leaf] & LeafMap.Committed) != 0)
                {
                    leaf++;
                }

                if (leaf > first)
                {
                    extents.Add(new MemoryExtent(AddressOf(first << LeafMap.LeafShift), (long)(leaf - first) * LeafMap.LeafBytes, NameOf(level)));
                }
            }

            zone.Lock.Exit();
        }

        return extents;
    }

    /// <inheritdoc/>
    /// <remarks>Movable handles are stale afterwards.</remarks>
    public override void Reset()
    {
        EnterMovables();
        EnterAll();
        _memory.AwaitUses();
        foreach (TreeZone zone in _zones)
        {
            zone.FreeCount += zone.LiveBlocks;
            Interlocked.Add(ref _liveBytes, -(zone.LiveGranules << LeafMap.GranuleShift));
            _map.Forget(zone.FirstLeaf, zone.TopLeaf - zone.FirstLeaf);
            zone.Ended?.Clear();
            _tags.Clear(zone.FirstGranule, zone.EndGranule - zone.FirstGranule);
            zone.LiveBlocks = zone.LiveGranules = zone.UnusedBytes = 0;
            zone.IdleLeaves = zone.CommittedLeaves;
            zone.FreeRuns = 1;
            zone.UpdateAll();
            foreach (MembraneTree? membrane in zone.Membranes)
            {
                if (membrane is not null)
                {
                    membrane.LiveBlocks = membrane.LiveGranules = 0;
                }
            }
        }

        _tags.Trim();
        _movables.GiveAll();
        ExitAll();
        _movables.Lock.Exit();
    }

    /// <inheritdoc/>
    /// <remarks>Whole free pages are given back, some MiB at a time so that no other thread waits long, and the budget is relieved of them. The bits of memory that is all free go too.</remarks>
    public override long Trim()
    {
        long returned = 0;
        for (int level = 0; level < LevelCount; level++)
        {
            int cursor = 0;
            while (true)
            {
                TreeZone zone = Enter(level);
                cursor = Math.Max(cursor, zone.FirstLeaf);
                int end = Math.Min(zone.TopLeaf, (cursor + TrimSlice) & ~(TrimSlice - 1));
                long slice = cursor < end ? TrimLeaves(zone, cursor, end) : 0;
                bool done = end >= zone.TopLeaf;
                zone.Lock.Exit();
                _memory.Refund(slice);
                returned += slice;
                cursor = end;
                if (done)
                {
                    break;
                }
            }
        }

        EnterMovables();
        _tags.Trim();
        _movables.Lock.Exit();
        return returned;
    }

    /// <inheritdoc/>
    protected internal override bool TryChargeBeside(long bytes) => _memory.TryCharge(bytes);

    /// <inheritdoc/>
    protected internal override void RefundBeside(long bytes) => _memory.Refund(bytes);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _movables.Lock.Enter();
        EnterAll();
        bool first = !_disposed;
        if (first)
        {
            _last = Snapshot().AfterDispose();
            Volatile.Write(ref _disposed, true);
        }

        ExitAll();
        _movables.Lock.Exit();
        if (first)
        {
            // Nobody reads the map from here on: everybody looks at the flag under a lock first. The budget's events are raised without one.
            ReleaseAll();
        }
    }

    private static long MeanNanoseconds(long ticks, long samples) => samples == 0 ? 0 : (long)(ticks * (1e9 / Stopwatch.Frequency) / samples);

    private static string NameOf(int level) => $"level {level}";

    private long TrimLeaves(TreeZone zone, int leaf, int end)
    {
        long returned = 0;
        int first = leaf;
        while (leaf < end)
        {
            int start = leaf;
            while (leaf < end && (_map.Words[leaf] & LeafMap.Committed) != 0 && LeafMap.IsEmpty(_map.Words[leaf]))
            {
                leaf++;
            }

            int from = (start + _pageLeaves - 1) / _pageLeaves * _pageLeaves;
            int count = (leaf / _pageLeaves * _pageLeaves) - from;
            if (count > 0 && _memory.TryDecommit(AddressOf(from << LeafMap.LeafShift), (long)count * LeafMap.LeafBytes))
            {
                _map.MarkDecommitted(from, count);
                zone.CommittedLeaves -= count;
                zone.IdleLeaves -= count;
                returned += (long)count * LeafMap.LeafBytes;
            }

            leaf++;
        }

        _map.TrimBits(first, end - first);
        return returned;
    }

    private IEnumerable<BlockInfo> Enumerate()
    {
        BlockInfo[] batch = new BlockInfo[EnumerationBatch];
        for (int level = 0; level < LevelCount; level++)
        {
            int cursor = 0;
            int found;
            do
            {
                found = LiveBlocks(level, ref cursor, batch);
                for (int i = 0; i < found; i++)
                {
                    yield return batch[i];
                }
            }
            while (found == batch.Length);
        }
    }

    private int LiveBlocks(int level, ref int cursor, BlockInfo[] batch)
    {
        TreeZone zone = Enter(level);
        int found = 0;
        cursor = Math.Max(cursor, zone.FirstGranule);
        while (found < batch.Length && cursor < zone.EndGranule)
        {
            int granule = _map.NextLiveStart(cursor, zone.EndGranule);
            cursor = granule;
            if (granule < zone.EndGranule)
            {
                int count = _map.EndOf(granule, zone.EndGranule) - granule;
                long bytes = (long)count << LeafMap.GranuleShift;
                batch[found++] = new BlockInfo(AddressOf(granule), bytes - _map.UnusedOf(granule, count), bytes, OwnerOf(granule), Age: null);
                cursor = granule + count;
            }
        }

        zone.Lock.Exit();
        return found;
    }

    private AllocatorStatistics Snapshot()
    {
        long idle = 0;
        long live = 0;
        long unused = 0;
        long blocks = 0;
        long allocated = 0;
        long freed = 0;
        foreach (TreeZone zone in _zones)
        {
            idle += zone.IdleLeaves * LeafMap.LeafBytes;
            live += zone.LiveGranules << LeafMap.GranuleShift;
            unused += zone.UnusedBytes;
            blocks += zone.LiveBlocks;
            allocated += zone.AllocationCount;
            freed += zone.FreeCount;
        }

        return new AllocatorStatistics
        {
            ReservedBytes = _memory.ReservedBytes,
            CommittedBytes = _memory.CommittedBytes,
            PeakCommittedBytes = _memory.PeakCommittedBytes,
            IdleBytes = idle,
            LiveBytes = live,
            RequestedBytes = live - unused,
            PeakLiveBytes = Volatile.Read(ref _peakLiveBytes),
            LimitBytes = _capacityBytes,
            LiveBlocks = blocks,
            AllocationCount = allocated,
            FreeCount = freed,
            FailedAllocationCount = Volatile.Read(ref _failedAllocations),
            MetadataBytes = MetadataBytes,
        };
    }

    private long ZoneMetadataBytes()
    {
        long bytes = 0;
        foreach (TreeZone zone in _zones)
        {
            bytes += zone.MetadataBytes;
        }

        return bytes;
    }
}

using System.Diagnostics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory;

namespace DimensionStore;

/// <content>Statistics: what the access path counts, and the snapshot.</content>
public sealed partial class MmapManager
{
    // Every 16th sample, about every 1,024th access, times a burst. A power of two, less one.
    private const long TimeMask = 15;
    private const int TimedAccesses = 32;

    private readonly UseTally _tally = new();

    // The tally's number, here so that an access needs not go there for it.
    private readonly long _tallyNumber;
    private long _samples;

    /// <summary>Takes a snapshot. Allocates nothing on the GC heap.</summary>
    /// <exception cref="ObjectDisposedException">The store is closed.</exception>
    public MemoryStats GetStats() => TryGetStats(out MemoryStats stats) ? stats : throw new ObjectDisposedException(nameof(MmapManager));

    /// <summary>Takes a snapshot, or answers false when the store is closed.</summary>
    internal bool TryGetStats(out MemoryStats stats)
    {
        if (_closed)
        {
            stats = default;
            return false;
        }

        AllocatorStatistics pool = _pool.IsValueCreated ? _pool.Value.GetStatistics() : default;
        long allocated = Budget.UsedBytes;
        long samples = Volatile.Read(ref _counts.LatencySamples);
        int simulated = Volatile.Read(ref _counts.SimulatedDimensions);
        int parked = Volatile.Read(ref _counts.ParkedRegions);
        stats = new MemoryStats
        {
            TotalAllocatedBytes = allocated,
            TotalUsedBytes = Math.Max(0, allocated - Math.Max(0, pool.CommittedBytes - pool.LiveBytes)),
            LimitBytes = Budget.LimitBytes,
            DimensionsLoaded = Volatile.Read(ref _counts.DimensionsLoaded),
            LayersLoaded = Volatile.Read(ref _counts.LayersLoaded),
            ActiveRegions = Volatile.Read(ref _counts.RegionsInUse) + parked,
            PeakUsageBytes = Math.Max(allocated, Budget.PeakBytes),
            AvgAccessLatencyUs = samples == 0 ? 0 : Volatile.Read(ref _counts.LatencyTicks) * 1e6 / Stopwatch.Frequency / samples,
            SimulationMode = simulated > 0,
            SimulatedDimensions = simulated,
            AccessCount = _tally.Count,
            EvictionCount = Volatile.Read(ref _counts.Evictions),
            ParkedRegions = parked,
            PoolLiveBlocks = pool.LiveBlocks,
            PoolUsedBytes = pool.LiveBytes,
            PoolCommittedBytes = pool.CommittedBytes,
        };
        return true;
    }

    /// <summary>Does what counting an access left to do, every 64th time or, on a busy thread, every 2,000th: the region at hand stands for the block of uses that ends with it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LookAtUse(LoadedRegion region, ReaderSlot slot)
    {
        long block = _tally.Look(slot);
        if (block == 0)
        {
            return;
        }

        StampUse(region, block);
        if ((Interlocked.Increment(ref _samples) & TimeMask) == 0)
        {
            TimeAccess(region);
        }
    }

    /// <summary>Tells the eviction policies of uses. What copies comes here each time, so that its place among others is exact.</summary>
    private void StampUse(LoadedRegion region, long uses)
    {
        region.Record.LastUse = _clock.Next();
        region.Record.AddUses(uses);
    }

    // One access is shorter than the clock can tell, so a burst of them is timed.
    private unsafe void TimeAccess(LoadedRegion region)
    {
        int id = region.Record.Id.Value;
        int layer = region.Region.Descriptor.Layers[0].Layer;
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < TimedAccesses; i++)
        {
            using ReadBracket bracket = ReaderRegistry.Enter();
            LoadedRegion?[] table = _table;
            if ((uint)id < (uint)table.Length)
            {
                table[id]?.TryGetLayer(layer, out _, out _);
            }
        }

        Interlocked.Add(ref _counts.LatencyTicks, Stopwatch.GetTimestamp() - started);
        Interlocked.Add(ref _counts.LatencySamples, TimedAccesses);
    }

    /// <summary>Counts anew what changes only when dimensions come and go. Under the gate.</summary>
    private void Recount()
    {
        int loaded = 0, layers = 0, regions = 0, simulated = 0;
        foreach (DimensionRecord record in _records.Values)
        {
            loaded += record.State == DimensionState.Loaded ? 1 : 0;
            simulated += record.State == DimensionState.Simulated ? 1 : 0;
            regions += record.Region is null ? 0 : 1;
            layers += record.LayersAnswering;
        }

        Volatile.Write(ref _counts.DimensionsLoaded, loaded);
        Volatile.Write(ref _counts.LayersLoaded, layers);
        Volatile.Write(ref _counts.RegionsInUse, regions);
        Volatile.Write(ref _counts.SimulatedDimensions, simulated);
        Volatile.Write(ref _counts.ParkedRegions, _parked.Count);
    }
}

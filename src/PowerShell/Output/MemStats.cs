using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>A snapshot of the memory of a store. All sizes are bytes.</summary>
public sealed class MemStats
{
    private readonly MemoryStats _stats;

    internal MemStats(DimensionStoreSession store)
    {
        Store = store;
        BasePath = store.BasePath;
        _stats = store.Manager.GetStats();
        Pressure = store.Manager.Budget.Pressure;
        Pools = store.Pool.GetPools();
        Allocators = [.. AllocatorReport.CreateAll().Select(report => new AllocatorStats(report))];
    }

    /// <summary>Directory of the store.</summary>
    public string BasePath { get; }

    /// <summary>Bytes charged to the budget.</summary>
    public long TotalAllocatedBytes => _stats.TotalAllocatedBytes;

    /// <summary>Bytes of these in use.</summary>
    public long TotalUsedBytes => _stats.TotalUsedBytes;

    /// <summary>The budget.</summary>
    public long LimitBytes => _stats.LimitBytes;

    /// <summary>Percent of the budget charged.</summary>
    public double UsagePercent => _stats.UsagePercent;

    /// <summary>How near the thresholds the store is.</summary>
    public PressureLevel Pressure { get; }

    /// <summary>Highest <see cref="TotalAllocatedBytes"/> so far.</summary>
    public long PeakUsageBytes => _stats.PeakUsageBytes;

    /// <summary>Dimensions that answer from files.</summary>
    public int DimensionsLoaded => _stats.DimensionsLoaded;

    /// <summary>Dimensions that answer from the simulation.</summary>
    public int SimulatedDimensions => _stats.SimulatedDimensions;

    /// <summary>Whether any dimension answers from the simulation.</summary>
    public bool SimulationMode => _stats.SimulationMode;

    /// <summary>Layers of loaded and simulated dimensions, those included whose simulation was not used yet.</summary>
    public int LayersLoaded => _stats.LayersLoaded;

    /// <summary>Mapped or copied regions.</summary>
    public int ActiveRegions => _stats.ActiveRegions;

    /// <summary>Regions set aside because a reader did not leave in time.</summary>
    public int ParkedRegions => _stats.ParkedRegions;

    /// <summary>Layer accesses so far.</summary>
    public long AccessCount => _stats.AccessCount;

    /// <summary>Mean time of a layer access in microseconds; 0 before the first sample.</summary>
    public double AvgAccessLatencyUs => _stats.AvgAccessLatencyUs;

    /// <summary>Dimensions evicted so far.</summary>
    public long EvictionCount => _stats.EvictionCount;

    /// <summary>Blocks of the pool in use.</summary>
    public long PoolLiveBlocks => _stats.PoolLiveBlocks;

    /// <summary>Usable bytes of these blocks.</summary>
    public long PoolUsedBytes => _stats.PoolUsedBytes;

    /// <summary>Bytes committed for the pool.</summary>
    public long PoolCommittedBytes => _stats.PoolCommittedBytes;

    /// <summary>Each pool, by block size.</summary>
    public IReadOnlyList<PoolUsage> Pools { get; }

    /// <summary>Every allocator of the process, of this store or not.</summary>
    public IReadOnlyList<AllocatorStats> Allocators { get; }

    /// <summary>The store.</summary>
    public DimensionStoreSession Store { get; }

    /// <inheritdoc/>
    public override string ToString() => BasePath;
}

using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>A snapshot of a store (the specification's <c>MemoryStats</c>).</summary>
public readonly record struct MemoryStats
{
    /// <summary>Bytes charged to the budget: regions, committed pool memory, decompressed layers.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Bytes charged to the budget: regions, committed pool memory, decompressed layers.")]
    public long TotalAllocatedBytes { get; init; }

    /// <summary>Bytes of these in use: regions, live pool blocks, decompressed layers.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Bytes of these in use: regions, live pool blocks, decompressed layers.")]
    public long TotalUsedBytes { get; init; }

    /// <summary>The budget's limit in bytes.</summary>
    [Statistic("By", StatisticsKind.Gauge, "The budget's limit.")]
    public long LimitBytes { get; init; }

    /// <summary>Dimensions that answer from a file.</summary>
    [Statistic("{dimension}", StatisticsKind.Gauge, "Dimensions that answer from a file.")]
    public int DimensionsLoaded { get; init; }

    /// <summary>Layers of loaded and simulated dimensions, those included whose simulation was not used yet.</summary>
    [Statistic("{layer}", StatisticsKind.Gauge, "Layers of loaded and simulated dimensions.")]
    public int LayersLoaded { get; init; }

    /// <summary>Mapped or copied regions, those not yet unmapped included.</summary>
    [Statistic("{region}", StatisticsKind.Gauge, "Regions in memory, those not yet unmapped included.")]
    public int ActiveRegions { get; init; }

    /// <summary>Highest <see cref="TotalAllocatedBytes"/> so far.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Most bytes charged to the budget so far.")]
    public long PeakUsageBytes { get; init; }

    /// <summary>Mean time of a layer access in microseconds, from sampled accesses; 0 before the first sample.</summary>
    [Statistic("us", StatisticsKind.Gauge, "Mean time of a layer access, from sampled accesses.")]
    public double AvgAccessLatencyUs { get; init; }

    /// <summary>Whether any dimension answers from the simulation.</summary>
    [Statistic("1", StatisticsKind.Gauge, "Whether any dimension answers from the simulation.")]
    public bool SimulationMode { get; init; }

    /// <summary>Dimensions that answer from the simulation.</summary>
    [Statistic("{dimension}", StatisticsKind.Gauge, "Dimensions that answer from the simulation.")]
    public int SimulatedDimensions { get; init; }

    /// <summary>Layer accesses so far.</summary>
    [Statistic("{access}", StatisticsKind.Counter, "Layer and keyword accesses so far.")]
    public long AccessCount { get; init; }

    /// <summary>Dimensions evicted so far.</summary>
    [Statistic("{dimension}", StatisticsKind.Counter, "Dimensions evicted so far.")]
    public long EvictionCount { get; init; }

    /// <summary>Regions set aside because a reader did not leave in time.</summary>
    [Statistic("{region}", StatisticsKind.Gauge, "Regions set aside because a reader did not leave in time.")]
    public int ParkedRegions { get; init; }

    /// <summary>Live blocks of the pool.</summary>
    [Statistic("{block}", StatisticsKind.Gauge, "Live blocks of the pool.")]
    public long PoolLiveBlocks { get; init; }

    /// <summary>Usable bytes in live blocks of the pool.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Usable bytes in live blocks of the pool.")]
    public long PoolUsedBytes { get; init; }

    /// <summary>Bytes committed for the pool.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Bytes committed for the pool.")]
    public long PoolCommittedBytes { get; init; }

    /// <summary>Percent of the limit charged.</summary>
    [Statistic("%", StatisticsKind.Gauge, "Percent of the limit charged.")]
    public double UsagePercent => LimitBytes == 0 ? 0 : TotalAllocatedBytes * 100.0 / LimitBytes;
}

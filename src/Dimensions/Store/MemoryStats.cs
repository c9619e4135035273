namespace DimensionStore;

/// <summary>A snapshot of a store (the specification's <c>MemoryStats</c>).</summary>
public readonly record struct MemoryStats
{
    /// <summary>Bytes charged to the budget: regions, committed pool memory, decompressed layers.</summary>
    public long TotalAllocatedBytes { get; init; }

    /// <summary>Bytes of these in use: regions, live pool blocks, decompressed layers.</summary>
    public long TotalUsedBytes { get; init; }

    /// <summary>The budget's limit in bytes.</summary>
    public long LimitBytes { get; init; }

    /// <summary>Dimensions that answer from a file.</summary>
    public int DimensionsLoaded { get; init; }

    /// <summary>Layers of loaded and simulated dimensions.</summary>
    public int LayersLoaded { get; init; }

    /// <summary>Mapped or copied regions, those not yet unmapped included.</summary>
    public int ActiveRegions { get; init; }

    /// <summary>Highest <see cref="TotalAllocatedBytes"/> so far.</summary>
    public long PeakUsageBytes { get; init; }

    /// <summary>Mean time of a layer access in microseconds, from sampled accesses; 0 before the first sample.</summary>
    public double AvgAccessLatencyUs { get; init; }

    /// <summary>Whether any dimension answers from the simulation.</summary>
    public bool SimulationMode { get; init; }

    /// <summary>Dimensions that answer from the simulation.</summary>
    public int SimulatedDimensions { get; init; }

    /// <summary>Layer accesses so far.</summary>
    public long AccessCount { get; init; }

    /// <summary>Dimensions evicted so far.</summary>
    public long EvictionCount { get; init; }

    /// <summary>Regions set aside because a reader did not leave in time.</summary>
    public int ParkedRegions { get; init; }

    /// <summary>Live blocks of the pool.</summary>
    public long PoolLiveBlocks { get; init; }

    /// <summary>Usable bytes in live blocks of the pool.</summary>
    public long PoolUsedBytes { get; init; }

    /// <summary>Bytes committed for the pool.</summary>
    public long PoolCommittedBytes { get; init; }

    /// <summary>Percent of the limit charged.</summary>
    public double UsagePercent => LimitBytes == 0 ? 0 : TotalAllocatedBytes * 100.0 / LimitBytes;
}

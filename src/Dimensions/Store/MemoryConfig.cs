using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>Configuration of a store (the specification's <c>MemoryConfig</c>).</summary>
public sealed record MemoryConfig
{
    /// <summary>Total limit in MiB, shared by mapped regions, the pool and decompressed layers.</summary>
    public int TotalMemoryMb { get; init; } = 280;

    /// <summary>Directory of the dimension files.</summary>
    public string BasePath { get; init; } = Path.Combine("data", "consciousness");

    /// <summary>The pools.</summary>
    public IReadOnlyList<PoolConfig> PoolConfigs { get; init; } = PoolConfig.Default;

    /// <summary>Percent of the limit at which a warning is raised.</summary>
    public double WarningThreshold { get; init; } = 75;

    /// <summary>Percent of the limit at which eviction starts.</summary>
    public double EvictionThreshold { get; init; } = 85;

    /// <summary>Percent of the limit at which the state is critical.</summary>
    public double CriticalThreshold { get; init; } = 95;

    /// <summary>Which dimension leaves first. The default is the policy that misses less often on a trace of real text; the quick benchmark measures both.</summary>
    public EvictionPolicy Eviction { get; init; } = EvictionPolicy.Lfu;

    /// <summary>Where the bytes of dimensions live. Immutable dimensions are always private.</summary>
    public Residency Residency { get; init; }

    /// <summary>Check every byte of every file when it is loaded, not only header and metadata. Immutable dimensions are always checked whole.</summary>
    public bool VerifyOnLoad { get; init; }

    /// <summary>Answer from the simulation where a file is missing.</summary>
    public bool Simulate { get; init; } = true;

    /// <summary>The simulation's data, or null for the data that ships with the library.</summary>
    public string? SimulationDataPath { get; init; }

    /// <summary>Where dimensions belong and how large they may be.</summary>
    public DimensionLayout Layout { get; init; } = DimensionLayout.Default;

    /// <summary>How long unloading waits for readers before the region is set aside and unmapped later.</summary>
    public TimeSpan UnloadTimeout { get; init; } = TimeSpan.FromSeconds(1);
}

namespace DimensionStore.Memory;

/// <summary>What <see cref="AllocatorCatalog"/> needs to make any allocator.</summary>
public sealed record AllocatorSettings
{
    /// <summary>The most the allocator may commit, in bytes: 1 GiB by default. Address space is reserved for it; memory only as it is used.</summary>
    public long CapacityBytes { get; init; } = 1L << 30;

    /// <summary>A budget that committed memory is charged to, or null.</summary>
    public MemoryBudget? Budget { get; init; }
}

namespace DimensionStore.Memory;

/// <summary>How a <see cref="LargeObjectAllocator"/> is laid out. Sizes are bytes.</summary>
public sealed record LargeObjectOptions
{
    /// <summary>The most that may be committed, up to 128 GiB; 1 GiB by default. Four times as much address space is reserved, so that free ranges between live blocks do not matter.</summary>
    public long CapacityBytes { get; init; } = 1L << 30;

    /// <summary>Whether blocks of a huge page or more are aligned to one and huge pages are asked for, where the system has them. Fewer entries in the processor's translation table, at the price of memory that comes in units of typically 2 MiB.</summary>
    public bool UseHugePages { get; init; }

    /// <summary>A budget that committed memory is charged to, or null.</summary>
    public MemoryBudget? Budget { get; init; }
}

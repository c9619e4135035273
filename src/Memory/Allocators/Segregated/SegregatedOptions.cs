namespace DimensionStore.Memory;

/// <summary>How a <see cref="SegregatedAllocator"/> is set up. The defaults are the specification's.</summary>
public sealed record SegregatedOptions
{
    /// <summary>The most the allocator may commit, in bytes: 1 GiB by default, at most 60 GiB, rounded up to a page. Address space is reserved for it, memory comes as it is used.</summary>
    public long CapacityBytes { get; init; } = 1L << 30;

    /// <summary>A budget that committed memory is charged to, or null.</summary>
    public MemoryBudget? Budget { get; init; }

    /// <summary>When pressure rises.</summary>
    public PressureThresholds Thresholds { get; init; } = PressureThresholds.SegregatedManager;

    /// <summary>Frees after which <see cref="SegregatedAllocator.ShouldCollect"/> is true: 1,000 by default.</summary>
    public long CollectionThreshold { get; init; } = 1_000;

    /// <summary>The ledger of owners, to be shared by allocators whose owners have one limit for all; null for one of its own.</summary>
    public OwnerLedger? Owners { get; init; }

    /// <summary>Who is told what happens, or null.</summary>
    public IAllocatorObserver? Observer { get; init; }
}

namespace DimensionStore.Memory;

/// <summary>How a <see cref="TreeZoneAllocator"/> is made. The defaults are the specification's.</summary>
public sealed record TreeZoneOptions
{
    /// <summary>Bytes of all zones together: 1 GiB, which gives the offsets 0, 1, 2, 4, 8, 16, 32 and 64 MiB. Other totals scale them.</summary>
    /// <remarks>From <see cref="TreeZoneAllocator.MinTotalBytes"/> to <see cref="TreeZoneAllocator.MaxTotalBytes"/>, a multiple of 16 KiB and of the page.</remarks>
    public long TotalBytes { get; init; } = 1L << 30;

    /// <summary>The most that may be committed, or null for <see cref="TotalBytes"/>.</summary>
    public long? LimitBytes { get; init; }

    /// <summary>A budget that committed memory is charged to, or null. Its events are raised while no lock of the allocator is held.</summary>
    public MemoryBudget? Budget { get; init; }

    /// <summary>
    /// Time every operation and raise <see cref="TreeZoneAllocator.LatencyExceeded"/> for those that took longer than their limit.
    /// Otherwise one in 64 is timed, for the averages. Costs two looks at the clock per operation.
    /// </summary>
    public bool WatchLatency { get; init; }

    /// <summary>Limit for an allocation: 10 µs.</summary>
    public TimeSpan AllocationLimit { get; init; } = TimeSpan.FromMicroseconds(10);

    /// <summary>Limit for a free: 5 µs.</summary>
    public TimeSpan FreeLimit { get; init; } = TimeSpan.FromMicroseconds(5);
}

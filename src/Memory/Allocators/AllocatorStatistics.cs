namespace DimensionStore.Memory;

/// <summary>A snapshot of one allocator. Each counter is exact when the allocator is quiet; while threads run, counters may be a few operations apart.</summary>
public readonly record struct AllocatorStatistics
{
    /// <summary>Bytes of address space reserved from the operating system.</summary>
    public long ReservedBytes { get; init; }

    /// <summary>Bytes committed, that is usable without asking the operating system again.</summary>
    public long CommittedBytes { get; init; }

    /// <summary>Usable bytes in live blocks.</summary>
    public long LiveBytes { get; init; }

    /// <summary>Highest <see cref="LiveBytes"/> so far, as seen at growth, depot exchange and snapshots.</summary>
    public long PeakLiveBytes { get; init; }

    /// <summary>The most this allocator may commit.</summary>
    public long LimitBytes { get; init; }

    /// <summary>Live blocks.</summary>
    public long LiveBlocks { get; init; }

    /// <summary>Blocks that were still live at dispose; 0 before. From then on <c>allocated − freed − leaked = live</c>.</summary>
    public long LeakedBlocks { get; init; }

    /// <summary>Usable bytes in <see cref="LeakedBlocks"/>.</summary>
    public long LeakedBytes { get; init; }

    /// <summary>Successful allocations so far.</summary>
    public long AllocationCount { get; init; }

    /// <summary>Frees so far.</summary>
    public long FreeCount { get; init; }

    /// <summary>Failed allocations so far.</summary>
    public long FailedAllocationCount { get; init; }

    /// <summary>Bytes the allocator's own bookkeeping takes.</summary>
    public long MetadataBytes { get; init; }
}

namespace DimensionStore.Memory;

/// <summary>A snapshot of one allocator. Each counter is exact when the allocator is quiet; while threads run, counters may be a few operations apart.</summary>
public readonly record struct AllocatorStatistics
{
    /// <summary>Bytes of address space reserved from the operating system.</summary>
    public long ReservedBytes { get; init; }

    /// <summary>Bytes committed, that is usable without asking the operating system again.</summary>
    public long CommittedBytes { get; init; }

    /// <summary>Highest <see cref="CommittedBytes"/> so far.</summary>
    public long PeakCommittedBytes { get; init; }

    /// <summary>Committed bytes that hold no block and that <see cref="MemoryAllocator.Trim"/> would give back: whole free pages, chunks or slabs.</summary>
    public long IdleBytes { get; init; }

    /// <summary>Usable bytes in live blocks.</summary>
    public long LiveBytes { get; init; }

    /// <summary>Bytes that were asked for in live blocks; equal to <see cref="LiveBytes"/> where the allocator does not record requests.</summary>
    public long RequestedBytes { get; init; }

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

    /// <summary>The part of <see cref="LiveBytes"/> that nobody asked for, 0 to 1: the price of rounding sizes up.</summary>
    public double InternalFragmentation => LiveBytes == 0 ? 0 : 1 - ((double)RequestedBytes / LiveBytes);

    /// <summary>
    /// Of the committed memory that cannot be given back, the part that holds no live block, 0 to 1: free bytes that live neighbours pin down.
    /// Whole free pages are not counted, because they serve any request and go back on <see cref="MemoryAllocator.Trim"/>.
    /// </summary>
    public double ExternalFragmentation => CommittedBytes - IdleBytes <= 0 ? 0 : Math.Max(0, 1 - ((double)LiveBytes / (CommittedBytes - IdleBytes)));

    /// <summary>Bookkeeping as a part of <see cref="LiveBytes"/>; 0 while nothing is live.</summary>
    public double MetadataOverhead => LiveBytes == 0 ? 0 : (double)MetadataBytes / LiveBytes;
}

namespace DimensionStore.Memory;

/// <summary>A snapshot of one allocator. Each counter is exact when the allocator is quiet; while threads run, counters may be a few operations apart.</summary>
public readonly record struct AllocatorStatistics
{
    /// <summary>Bytes of address space reserved from the operating system.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Bytes of address space reserved.")]
    public long ReservedBytes { get; init; }

    /// <summary>Bytes committed, that is usable without asking the operating system again.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Bytes committed.")]
    public long CommittedBytes { get; init; }

    /// <summary>Highest <see cref="CommittedBytes"/> so far.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Most bytes committed so far.")]
    public long PeakCommittedBytes { get; init; }

    /// <summary>Committed bytes that hold no block and that <see cref="MemoryAllocator.Trim"/> would give back: whole free chunks and slabs, and pages without a live block.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Committed bytes that trimming would give back.")]
    public long IdleBytes { get; init; }

    /// <summary>
    /// Committed bytes of slabs with live blocks that have no memory behind them: pages that no block ever used, and pages that were given back. They cost nothing until a block is allocated there, which
    /// asks nobody; 0 in allocators that decommit what they give back.
    /// </summary>
    [Statistic("By", StatisticsKind.Gauge, "Committed bytes between live blocks that have no memory behind them.")]
    public long UnbackedBytes { get; init; }

    /// <summary>Usable bytes in live blocks.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Usable bytes in live blocks.")]
    public long LiveBytes { get; init; }

    /// <summary>Bytes that were asked for in live blocks: the sum of <see cref="BlockInfo.RequestedBytes"/>, each rounded up as is said there.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Bytes asked for in live blocks.")]
    public long RequestedBytes { get; init; }

    /// <summary>Highest <see cref="LiveBytes"/> so far, as seen at growth, depot exchange and snapshots.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Most usable bytes in live blocks so far.")]
    public long PeakLiveBytes { get; init; }

    /// <summary>The most this allocator may commit.</summary>
    [Statistic("By", StatisticsKind.Gauge, "The most that may be committed.")]
    public long LimitBytes { get; init; }

    /// <summary>Live blocks.</summary>
    [Statistic("{block}", StatisticsKind.Gauge, "Live blocks.")]
    public long LiveBlocks { get; init; }

    /// <summary>Blocks that were still live at dispose; 0 before. From then on <c>allocated − freed − leaked = live</c>.</summary>
    [Statistic("{block}", StatisticsKind.Counter, "Blocks that were still live at dispose.")]
    public long LeakedBlocks { get; init; }

    /// <summary>Usable bytes in <see cref="LeakedBlocks"/>.</summary>
    [Statistic("By", StatisticsKind.Counter, "Usable bytes in blocks that were still live at dispose.")]
    public long LeakedBytes { get; init; }

    /// <summary>Successful allocations so far.</summary>
    [Statistic("{allocation}", StatisticsKind.Counter, "Successful allocations so far.")]
    public long AllocationCount { get; init; }

    /// <summary>Frees so far.</summary>
    [Statistic("{free}", StatisticsKind.Counter, "Frees so far.")]
    public long FreeCount { get; init; }

    /// <summary>Failed allocations so far.</summary>
    [Statistic("{allocation}", StatisticsKind.Counter, "Failed allocations so far.")]
    public long FailedAllocationCount { get; init; }

    /// <summary>Bytes the allocator's own bookkeeping takes.</summary>
    [Statistic("By", StatisticsKind.Gauge, "Bytes that bookkeeping takes.")]
    public long MetadataBytes { get; init; }

    /// <summary>The part of <see cref="LiveBytes"/> that nobody asked for, 0 to 1: the price of rounding sizes up. No more than the truth, because <see cref="RequestedBytes"/> is rounded up.</summary>
    [Statistic("1", StatisticsKind.Gauge, "Part of the live bytes that nobody asked for, 0 to 1.")]
    public double InternalFragmentation => LiveBytes == 0 ? 0 : 1 - ((double)RequestedBytes / LiveBytes);

    /// <summary>
    /// Of the committed memory that cannot be given back, the part that holds no live block, 0 to 1: free bytes that live neighbours pin down.
    /// Whole free pages are not counted, because they go back on <see cref="MemoryAllocator.Trim"/>, nor are those that went back already.
    /// </summary>
    [Statistic("1", StatisticsKind.Gauge, "Part of the committed bytes that hold no block and cannot be given back, 0 to 1.")]
    public double ExternalFragmentation => PinnedBytes <= 0 ? 0 : Math.Max(0, 1 - ((double)LiveBytes / PinnedBytes));

    /// <summary>Bookkeeping as a part of <see cref="LiveBytes"/>; 0 while nothing is live.</summary>
    [Statistic("1", StatisticsKind.Gauge, "Bookkeeping as a part of the live bytes.")]
    public double MetadataOverhead => LiveBytes == 0 ? 0 : (double)MetadataBytes / LiveBytes;

    /// <summary>Committed bytes less those that are known to have no memory behind them.</summary>
    internal long BackedBytes => CommittedBytes - UnbackedBytes;

    private long PinnedBytes => BackedBytes - IdleBytes;

    /// <summary>What these, the last ones before dispose, become by it: nothing is live, and what was has leaked.</summary>
    internal AllocatorStatistics AfterDispose() => this with
    {
        ReservedBytes = 0,
        CommittedBytes = 0,
        IdleBytes = 0,
        UnbackedBytes = 0,
        LiveBytes = 0,
        RequestedBytes = 0,
        LiveBlocks = 0,
        LeakedBytes = LiveBytes,
        LeakedBlocks = LiveBlocks,
        MetadataBytes = 0,
    };
}

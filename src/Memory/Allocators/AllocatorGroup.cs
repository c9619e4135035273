namespace DimensionStore.Memory;

/// <summary>A part of an allocator's statistics.</summary>
/// <param name="Kind">By what it is grouped.</param>
/// <param name="Name">Name within its kind: "64 B", "level 3", "DMA", "#7".</param>
/// <param name="LiveBlocks">Live blocks.</param>
/// <param name="LiveBytes">Usable bytes in them.</param>
/// <param name="FreeBlocks">Free blocks or free runs that are committed.</param>
/// <param name="CommittedBytes">Committed bytes, free ones included; 0 where a group has no memory of its own.</param>
/// <param name="LimitBytes">The most it may hold; 0 where there is no limit of its own.</param>
public readonly record struct AllocatorGroup(
    [property: Statistic("1", StatisticsKind.Label, "By what it is grouped.")] AllocatorGroupKind Kind,
    [property: Statistic("1", StatisticsKind.Label, "Name within its kind.")] string Name,
    [property: Statistic("{block}", StatisticsKind.Gauge, "Live blocks.")] long LiveBlocks,
    [property: Statistic("By", StatisticsKind.Gauge, "Usable bytes in live blocks.")] long LiveBytes,
    [property: Statistic("{block}", StatisticsKind.Gauge, "Free blocks or free runs that are committed.")] long FreeBlocks,
    [property: Statistic("By", StatisticsKind.Gauge, "Bytes committed; 0 without memory of its own.")] long CommittedBytes,
    [property: Statistic("By", StatisticsKind.Gauge, "The most it may hold; 0 without a limit of its own.")] long LimitBytes);

namespace DimensionStore.Memory;

/// <summary>What one owner holds.</summary>
/// <param name="Owner">The owner tag's value; 0 for blocks allocated without one.</param>
/// <param name="LiveBlocks">Live blocks.</param>
/// <param name="RequestedBytes">Bytes asked for in them.</param>
/// <param name="LiveBytes">Usable bytes in them.</param>
/// <param name="OldestSeconds">Age of the oldest; 0 where the allocator keeps no clock.</param>
public readonly record struct OwnerStatistics(
    [property: Statistic("1", StatisticsKind.Label, "The owner tag; 0 for none.")] int Owner,
    [property: Statistic("{block}", StatisticsKind.Gauge, "Live blocks.")] long LiveBlocks,
    [property: Statistic("By", StatisticsKind.Gauge, "Bytes asked for in live blocks.")] long RequestedBytes,
    [property: Statistic("By", StatisticsKind.Gauge, "Usable bytes in live blocks.")] long LiveBytes,
    [property: Statistic("s", StatisticsKind.Gauge, "Age of the oldest block; 0 without a clock.")] double OldestSeconds);

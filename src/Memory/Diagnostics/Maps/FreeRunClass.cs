namespace DimensionStore.Memory;

/// <summary>Free runs of about one size.</summary>
/// <param name="FromBytes">They are at least this long, a power of two, and less than twice as long.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Bytes">How much memory they are together.</param>
public readonly record struct FreeRunClass(
    [property: Statistic("By", StatisticsKind.Label, "Shortest run of the class, a power of two.")] long FromBytes,
    [property: Statistic("{run}", StatisticsKind.Gauge, "Free runs.")] long Count,
    [property: Statistic("By", StatisticsKind.Gauge, "Bytes in them.")] long Bytes);

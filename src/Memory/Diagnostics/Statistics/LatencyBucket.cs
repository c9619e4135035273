namespace DimensionStore.Memory;

/// <summary>One bar of a <see cref="LatencyHistogram"/>.</summary>
/// <param name="FromNanoseconds">Shortest time that falls into it.</param>
/// <param name="ToNanoseconds">Longest time that falls into it.</param>
/// <param name="Count">Samples in it.</param>
public readonly record struct LatencyBucket(
    [property: Statistic("ns", StatisticsKind.Label, "Shortest time of the bucket.")] long FromNanoseconds,
    [property: Statistic("ns", StatisticsKind.Label, "Longest time of the bucket.")] long ToNanoseconds,
    [property: Statistic("{sample}", StatisticsKind.Counter, "Samples in the bucket.")] long Count);

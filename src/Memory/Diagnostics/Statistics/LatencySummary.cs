namespace DimensionStore.Memory;

/// <summary>What a <see cref="LatencyHistogram"/> says in a few numbers, in nanoseconds. Percentiles are upper bounds, at most 1/64 above the sample they stand for.</summary>
public readonly record struct LatencySummary
{
    /// <summary>Samples.</summary>
    [Statistic("{sample}", StatisticsKind.Counter, "Samples taken.")]
    public long SampleCount { get; init; }

    /// <summary>Mean of all samples; 0 without any.</summary>
    [Statistic("ns", StatisticsKind.Gauge, "Mean time.")]
    public double MeanNanoseconds { get; init; }

    /// <summary>Half of the samples took no longer.</summary>
    [Statistic("ns", StatisticsKind.Gauge, "Median time.")]
    public long P50Nanoseconds { get; init; }

    /// <summary>90 % of the samples took no longer.</summary>
    [Statistic("ns", StatisticsKind.Gauge, "90th percentile.")]
    public long P90Nanoseconds { get; init; }

    /// <summary>99 % of the samples took no longer.</summary>
    [Statistic("ns", StatisticsKind.Gauge, "99th percentile.")]
    public long P99Nanoseconds { get; init; }

    /// <summary>99.9 % of the samples took no longer.</summary>
    [Statistic("ns", StatisticsKind.Gauge, "99.9th percentile.")]
    public long P999Nanoseconds { get; init; }

    /// <summary>99.99 % of the samples took no longer.</summary>
    [Statistic("ns", StatisticsKind.Gauge, "99.99th percentile.")]
    public long P9999Nanoseconds { get; init; }

    /// <summary>The longest sample, exactly.</summary>
    [Statistic("ns", StatisticsKind.Gauge, "Longest time.")]
    public long MaxNanoseconds { get; init; }
}

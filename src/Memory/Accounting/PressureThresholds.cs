namespace DimensionStore.Memory;

/// <summary>The percentages of a budget at which pressure rises. Each threshold includes its own value.</summary>
public sealed record PressureThresholds
{
    /// <summary>The dimension store's policy: 75, 85 and 95 %.</summary>
    public static PressureThresholds DimensionStore { get; } = new(75, 85, 95);

    /// <summary>
    /// The segregated manager's policy: 60, 80 and 95 %. Its specification calls the levels low, medium, high and critical: these are <see cref="PressureLevel.Normal"/>,
    /// <see cref="PressureLevel.Warning"/>, <see cref="PressureLevel.Eviction"/> and <see cref="PressureLevel.Critical"/>.
    /// </summary>
    public static PressureThresholds SegregatedManager { get; } = new(60, 80, 95);

    /// <summary>Creates thresholds.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not 0 &lt; warning ≤ eviction ≤ critical ≤ 100.</exception>
    public PressureThresholds(double warningPercent, double evictionPercent, double criticalPercent)
    {
        if (!(warningPercent > 0 && warningPercent <= evictionPercent && evictionPercent <= criticalPercent && criticalPercent <= 100))
        {
            throw new ArgumentOutOfRangeException(nameof(warningPercent), $"Thresholds must be 0 < warning ≤ eviction ≤ critical ≤ 100, found {warningPercent}, {evictionPercent}, {criticalPercent}.");
        }

        WarningPercent = warningPercent;
        EvictionPercent = evictionPercent;
        CriticalPercent = criticalPercent;
    }

    /// <summary>Percent of the limit at which a warning is raised.</summary>
    public double WarningPercent { get; }

    /// <summary>Percent of the limit at which eviction starts.</summary>
    public double EvictionPercent { get; }

    /// <summary>Percent of the limit at which the state is critical.</summary>
    public double CriticalPercent { get; }

    /// <summary>The level for <paramref name="usedBytes"/> of <paramref name="limitBytes"/>.</summary>
    public PressureLevel LevelOf(long usedBytes, long limitBytes)
    {
        double percent = limitBytes <= 0 ? 100 : usedBytes * 100.0 / limitBytes;
        return percent >= CriticalPercent ? PressureLevel.Critical
            : percent >= EvictionPercent ? PressureLevel.Eviction
            : percent >= WarningPercent ? PressureLevel.Warning
            : PressureLevel.Normal;
    }
}

namespace DimensionStore;

/// <summary>How a statistic behaves over time.</summary>
public enum StatisticsKind
{
    /// <summary>Goes up and down.</summary>
    Gauge,

    /// <summary>Only goes up while the store is open.</summary>
    Counter,
}

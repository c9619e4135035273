namespace DimensionStore.Memory;

/// <summary>How a statistic behaves over time.</summary>
public enum StatisticsKind
{
    /// <summary>Goes up and down.</summary>
    Gauge,

    /// <summary>Only goes up while its object lives.</summary>
    Counter,

    /// <summary>Says what the row is about; not measured, and no instrument is made of it.</summary>
    Label,
}

namespace DimensionStore.Memory;

/// <summary>How full a budget is, by the thresholds of its policy.</summary>
public enum PressureLevel
{
    /// <summary>Below every threshold.</summary>
    Normal,

    /// <summary>At or above the warning threshold.</summary>
    Warning,

    /// <summary>At or above the threshold at which the owner of the budget starts to evict.</summary>
    Eviction,

    /// <summary>At or above the critical threshold.</summary>
    Critical,
}

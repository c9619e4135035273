namespace DimensionStore.Memory;

/// <summary>How a zone stands to its watermarks.</summary>
public enum ZonePressure
{
    /// <summary>It has enough: it has not fallen below the low watermark since it was last above the high one.</summary>
    Balanced,

    /// <summary>It fell below the low watermark and has not come above the high one since: time to reclaim.</summary>
    Low,

    /// <summary>It is below the minimum: only emergency requests are served from it.</summary>
    Critical,
}

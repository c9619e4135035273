namespace DimensionStore.Memory;

/// <summary>A budget crossed a threshold.</summary>
public sealed class PressureChangedEventArgs(PressureLevel previous, PressureLevel current, long usedBytes, long limitBytes) : EventArgs
{
    /// <summary>The level before.</summary>
    public PressureLevel Previous { get; } = previous;

    /// <summary>The level now.</summary>
    public PressureLevel Current { get; } = current;

    /// <summary>Bytes charged when the level changed.</summary>
    public long UsedBytes { get; } = usedBytes;

    /// <summary>The limit in bytes.</summary>
    public long LimitBytes { get; } = limitBytes;
}

namespace DimensionStore.Memory;

/// <summary>A zone fell below or rose above a watermark.</summary>
public sealed class ZonePressureEventArgs(ZoneType zone, ZonePressure previous, ZonePressure current, long freeBytes) : EventArgs
{
    /// <summary>Which zone.</summary>
    public ZoneType Zone { get; } = zone;

    /// <summary>The state that was raised last.</summary>
    public ZonePressure Previous { get; } = previous;

    /// <summary>The state now.</summary>
    public ZonePressure Current { get; } = current;

    /// <summary>Free bytes in the zone when the state changed.</summary>
    public long FreeBytes { get; } = freeBytes;
}

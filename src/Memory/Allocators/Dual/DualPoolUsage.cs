namespace DimensionStore.Memory;

/// <summary>How full one of the two pools is.</summary>
/// <param name="Pool">Which.</param>
/// <param name="ObjectBytes">Bytes from one object to the next: 128 or 16,384.</param>
/// <param name="Capacity">Objects or blocks it can hold.</param>
/// <param name="Live">Objects or blocks in use.</param>
/// <param name="Peak">The most in use at once so far.</param>
/// <param name="CommittedBytes">Memory committed for it now.</param>
public readonly record struct DualPoolUsage(DualPool Pool, int ObjectBytes, int Capacity, int Live, int Peak, long CommittedBytes)
{
    /// <summary>The part of the capacity that is in use, 0 to 1.</summary>
    public double Utilization => (double)Live / Capacity;

    /// <summary>The part of the capacity that was in use at the peak, 0 to 1: what sizing from a profile brings to 0.9.</summary>
    public double PeakUtilization => (double)Peak / Capacity;
}

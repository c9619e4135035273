namespace DimensionStore.Memory;

/// <summary>A <see cref="TreeZoneAllocator"/> came under pressure.</summary>
public sealed class TreePressureEventArgs(TreePressureCause cause, double percent) : EventArgs
{
    /// <summary>Why.</summary>
    public TreePressureCause Cause { get; } = cause;

    /// <summary>Fragmentation, overhead or use when it was noticed, in percent.</summary>
    public double Percent { get; } = percent;
}

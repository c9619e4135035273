namespace DimensionStore.Memory;

/// <summary>An operation whose latency is limited.</summary>
public enum TreeZoneOperation
{
    /// <summary>An allocation.</summary>
    Allocate,

    /// <summary>A free.</summary>
    Free,
}

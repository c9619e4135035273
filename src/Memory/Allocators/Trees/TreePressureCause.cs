namespace DimensionStore.Memory;

/// <summary>Why a <see cref="TreeZoneAllocator"/> is under pressure; the numbers are the specification's pressure levels.</summary>
public enum TreePressureCause
{
    /// <summary>External fragmentation above 15 %.</summary>
    Fragmentation = 1,

    /// <summary>Bookkeeping above 8 % of the live bytes.</summary>
    Overhead = 2,

    /// <summary>More than 90 % of what may be allocated is allocated.</summary>
    Use = 3,
}

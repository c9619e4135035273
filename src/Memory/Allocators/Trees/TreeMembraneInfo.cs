namespace DimensionStore.Memory;

/// <summary>One membrane of a zone. A block counts for the membrane it starts in.</summary>
public readonly record struct TreeMembraneInfo
{
    /// <summary>Membrane level, 0 to 7.</summary>
    public int Level { get; init; }

    /// <summary>Number within the zone, from 0.</summary>
    public int Index { get; init; }

    /// <summary>First address in the process.</summary>
    public nint Address { get; init; }

    /// <summary>First address in the zone map.</summary>
    public long LogicalAddress { get; init; }

    /// <summary>Length in bytes.</summary>
    public long Bytes { get; init; }

    /// <summary>Live blocks that start here.</summary>
    public long LiveBlocks { get; init; }

    /// <summary>Usable bytes in them.</summary>
    public long AllocatedBytes { get; init; }

    /// <summary>Length of the largest free block in bytes.</summary>
    public long LargestFreeBytes { get; init; }
}

namespace DimensionStore.Memory;

/// <summary>One zone, as the specification's <c>dtesn_memory_zone_t</c> shows it.</summary>
public readonly record struct TreeZoneInfo
{
    /// <summary>Membrane level, 0 to 7.</summary>
    public int Level { get; init; }

    /// <summary>Membranes, by A000081.</summary>
    public int MembraneCount { get; init; }

    /// <summary>Bytes from the logical base to the zone.</summary>
    public long BaseOffset { get; init; }

    /// <summary>Bytes of the zone.</summary>
    public long ZoneBytes { get; init; }

    /// <summary>First address in the zone map: <see cref="TreeZoneAllocator.LogicalBase"/> + <see cref="BaseOffset"/>.</summary>
    public long LogicalAddress { get; init; }

    /// <summary>First address in the process.</summary>
    public nint Address { get; init; }

    /// <summary>Usable bytes in live blocks.</summary>
    public long AllocatedBytes { get; init; }

    /// <summary>Live blocks.</summary>
    public long LiveBlocks { get; init; }

    /// <summary>Free blocks, that is runs of free memory between live ones, committed or not.</summary>
    public long FreeBlocks { get; init; }

    /// <summary>The first free block's address in the process, the head of the specification's free list; 0 when the zone is full.</summary>
    public nint FirstFreeAddress { get; init; }

    /// <summary>Committed bytes.</summary>
    public long CommittedBytes { get; init; }
}

namespace DimensionStore.Memory;

/// <summary>The extents of one size class, zone or pool in a <see cref="MemoryMap"/>. Immutable.</summary>
/// <param name="Name">Name of the group; empty where the allocator has only one.</param>
/// <param name="Extents">How many committed ranges it has, neighbours counted as one.</param>
/// <param name="CommittedBytes">Bytes in them.</param>
/// <param name="LiveBlocks">Live blocks in them.</param>
/// <param name="LiveBytes">Usable bytes of these blocks.</param>
/// <param name="FreeRuns">Free runs: ranges between blocks, or between a block and the end of its extent.</param>
/// <param name="LargestFreeRunBytes">The longest of them.</param>
/// <param name="Cells">What there is to draw, in ascending order of address.</param>
public sealed record MapGroup(string Name, int Extents, long CommittedBytes, long LiveBlocks, long LiveBytes, long FreeRuns, long LargestFreeRunBytes, IReadOnlyList<MapCell> Cells)
{
    /// <summary>Bytes in free runs.</summary>
    public long FreeBytes => CommittedBytes - LiveBytes;

    /// <summary>
    /// The part of the free bytes that does not lie in the longest free run, 0 to 1. 0 means that all that is free is in one piece; near 1 it is dust. A size class
    /// whose blocks are all of one size need not care; anything that serves various sizes does.
    /// </summary>
    public double Scatter => FreeBytes <= 0 ? 0 : 1 - ((double)LargestFreeRunBytes / FreeBytes);
}

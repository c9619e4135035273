namespace DimensionStore.Memory;

/// <summary>A piece of a <see cref="MemoryMap"/>.</summary>
/// <param name="Kind">Committed memory, or a gap.</param>
/// <param name="Address">First byte.</param>
/// <param name="Bytes">Length of the memory it stands for.</param>
/// <param name="LiveBytes">Bytes of it in live blocks.</param>
/// <param name="LiveBlocks">Live blocks that lie in it, wholly or in part.</param>
/// <param name="Block">The block, where there is exactly one.</param>
public readonly record struct MapCell(MapCellKind Kind, nint Address, long Bytes, long LiveBytes, int LiveBlocks, BlockInfo? Block)
{
    /// <summary>The part of it that holds blocks, 0 to 1.</summary>
    public double LiveShare => Bytes == 0 ? 0 : (double)LiveBytes / Bytes;

    /// <summary>The share in quarters: 0 when it is free, 4 when it is full, 1 to 3 in between. A block of a byte makes a cell not free, and a free byte makes it not full.</summary>
    public int Level => LiveBytes <= 0 ? 0 : LiveBytes >= Bytes ? 4 : Math.Clamp((int)Math.Ceiling(LiveShare * 4), 1, 3);
}

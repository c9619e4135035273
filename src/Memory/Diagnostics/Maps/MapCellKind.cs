namespace DimensionStore.Memory;

/// <summary>What a cell of a <see cref="MemoryMap"/> stands for.</summary>
public enum MapCellKind
{
    /// <summary>Committed memory, of which some, all or nothing holds blocks.</summary>
    Committed,

    /// <summary>A gap between two extents: address space without memory. One cell stands for the whole gap, however wide.</summary>
    NotCommitted,
}

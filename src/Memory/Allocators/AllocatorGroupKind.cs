namespace DimensionStore.Memory;

/// <summary>By what a row of <see cref="MemoryAllocator.GetGroups"/> is grouped.</summary>
public enum AllocatorGroupKind
{
    /// <summary>Blocks of one size, or of one range of sizes.</summary>
    SizeClass,

    /// <summary>A part of the address space with rules of its own: a zone, a membrane level, a pool.</summary>
    Zone,

    /// <summary>Blocks of one owner.</summary>
    Owner,
}

namespace DimensionStore.Memory;

/// <summary>What a <see cref="ReservePool"/> needs to know beside its elements.</summary>
public sealed record ReserveOptions
{
    /// <summary>Alignment of every element, a power of two that the allocator beneath supports.</summary>
    public int Alignment { get; init; } = MemoryAllocator.DefaultAlignment;

    /// <summary>Whether elements in the reserve are filled with a pattern that <see cref="ReservePool.CheckIntegrity"/> looks for, so that a write to one is found.</summary>
    public bool Poison { get; init; }

    /// <summary>Whether disposing the pool disposes the allocator beneath.</summary>
    public bool OwnsSource { get; init; }

    /// <summary>
    /// Tag under which every element, in use or in the reserve, is allocated beneath; the pool itself keeps whose those in use are. Must be no tag whose blocks somebody frees there all at once.
    /// </summary>
    public OwnerId ReserveOwner { get; init; }
}

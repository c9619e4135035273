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

    /// <summary>Tag under which the reserve is allocated beneath.</summary>
    public OwnerId ReserveOwner { get; init; }
}

namespace DimensionStore.Memory;

/// <summary>What was wrong with a pointer given to an allocator.</summary>
public enum MemoryFault
{
    /// <summary>The block is already free.</summary>
    DoubleFree,

    /// <summary>The address does not lie in this allocator's memory.</summary>
    ForeignFree,

    /// <summary>The address lies inside this allocator but is not the start of a block.</summary>
    NotABlockStart,

    /// <summary>The size given to a sized free is not one the block could have been allocated with.</summary>
    WrongSize,

    /// <summary>Bytes behind the block were overwritten.</summary>
    Overrun,

    /// <summary>Bytes before the block were overwritten.</summary>
    Underrun,

    /// <summary>A free block was written to.</summary>
    UseAfterFree,

    /// <summary>Blocks were still live when the allocator was disposed.</summary>
    Leak,

    /// <summary>An access by address does not lie within one live block.</summary>
    OutOfBounds,

    /// <summary>An access by address does not have the alignment its type needs.</summary>
    Misaligned,

    /// <summary>An access that the block's protection does not allow.</summary>
    ProtectionViolation,

    /// <summary>The allocator's own structures contradict each other: somebody wrote where nobody may.</summary>
    Corruption,
}

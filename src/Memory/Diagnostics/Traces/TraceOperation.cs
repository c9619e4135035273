namespace DimensionStore.Memory;

/// <summary>What a program asked of its allocator, as numbered in <c>formats/ALTRACE1.md</c>.</summary>
public enum TraceOperation : byte
{
    /// <summary>A block of the default alignment, contents undefined.</summary>
    Allocate = 0,

    /// <summary>A block given back.</summary>
    Free = 1,

    /// <summary>A block made larger or smaller, contents kept.</summary>
    Reallocate = 2,

    /// <summary>A block full of zeros.</summary>
    AllocateZeroed = 3,

    /// <summary>A block of a stated alignment.</summary>
    AllocateAligned = 4,
}

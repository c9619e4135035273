using System.Numerics;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// A heap's blocks of one size: the cache line that an allocation or a free of the thread's own touches. Every heap has one for each size there may be, so that a size finds it without a look-up;
/// therefore it holds nothing else. What is needed once for many blocks is in <see cref="BinSlabs"/>, which only sizes in use have.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal unsafe struct SlabBin
{
    internal const int Bytes = 64;
    internal const int Shift = 6;

    /// <summary>
    /// Blocks of the current group that were freed since they were claimed, as bits like those of <see cref="Mask"/>, which they become when it is empty. Kept apart so that an
    /// allocation need not wait for the free before it to have worked out its bit.
    /// </summary>
    internal ulong PutBack;

    /// <summary>Free blocks of the current group, claimed for allocation.</summary>
    internal ulong Mask;

    /// <summary>States of the current group's blocks; null when there is none.</summary>
    internal byte* GroupStates;

    /// <summary>Address of the current group's first block.</summary>
    internal nint GroupAddress;

    /// <summary>Bytes from block to block: <see cref="BlockBytes"/>, as wide as the address that a multiple of it is added to.</summary>
    internal nuint Stride;

    /// <summary>How far behind this bin its <see cref="BinSlabs"/> lie, in bytes: the heap's empty ones until there is a slab.</summary>
    internal ushort SlabsOffset;

    /// <summary>How often <see cref="Mask"/> was made of what was put back, since more was claimed: at most <see cref="SlabEngine.ReusesPerClaim"/>.</summary>
    internal ushort Reuses;

    /// <summary>Index in the heap.</summary>
    internal byte Class;

    /// <summary><see cref="SlabGeometry.SlackShift"/>.</summary>
    internal byte SlackShift;

    /// <summary>How many blocks are claimed at once at most.</summary>
    internal byte MostClaimed;

    /// <summary>How many blocks are claimed at once at most when none of them was used before.</summary>
    internal byte MostUntouched;

    /// <summary>Blocks that went from <see cref="PutBack"/> to <see cref="Mask"/>. With those that are there still, and <see cref="Freed"/>, these are the frees.</summary>
    internal long Reused;

    /// <summary>Blocks freed otherwise than into <see cref="PutBack"/>: by this heap's thread, whoever owned them, or all at once, with the lock.</summary>
    internal long Freed;

    /// <summary>Bytes in a block.</summary>
    internal readonly uint BlockBytes => (uint)Stride;

    /// <summary>What the bin knows of its slabs. Not to be written to before it has one.</summary>
    internal static BinSlabs* Slabs(SlabBin* bin) => (BinSlabs*)((byte*)bin + bin->SlabsOffset);

    /// <summary>The blocks that are claimed and not handed out, as bits of the group that is claimed.</summary>
    internal static ulong ClaimedBlocks(SlabBin* bin) => bin->Mask | Slabs(bin)->TaggedMask | bin->PutBack;

    /// <summary>Makes what was put back ready for allocation.</summary>
    /// <returns>Whether any block is.</returns>
    internal static bool Reuse(SlabBin* bin)
    {
        bin->Reused += BitOperations.PopCount(bin->PutBack);
        bin->Mask |= bin->PutBack;
        bin->PutBack = 0;
        return bin->Mask != 0;
    }
}

/// <summary>
/// What a bin knows of its slabs, needed when its claimed blocks are used up or a slab changes its place. Lies behind the heap's bins, in the order in which they got their first slab, so that a
/// program pays for the sizes that it uses. Until then a bin has the one that stays empty, so that readers need not ask.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal unsafe struct BinSlabs
{
    internal const int Bytes = 40;

    /// <summary>Blocks ever claimed. With <see cref="SlabBin.Reused"/>, less those in the masks for allocation, these are the allocations, which need no count of their own.</summary>
    internal long Claimed;

    /// <summary>The slab allocated from.</summary>
    internal Slab* Current;

    /// <summary>The first of the slabs with free blocks, a ring in the order in which they got one.</summary>
    internal Slab* First;

    /// <summary>Claimed blocks like those of <see cref="SlabBin.Mask"/>, which is empty then, of a slab with owner tags: hidden from the path that writes none.</summary>
    internal ulong TaggedMask;

    /// <summary>How many slabs there are.</summary>
    internal int Count;

    /// <summary>Which group of the current slab <see cref="TaggedMask"/> is of.</summary>
    internal byte TaggedGroup;

    /// <summary>Like <see cref="SlabBin.GroupStates"/>, of the blocks in <see cref="TaggedMask"/>.</summary>
    internal static byte* TaggedStates(BinSlabs* slabs) => Slab.States(slabs->Current) + (slabs->TaggedGroup * 64);
}

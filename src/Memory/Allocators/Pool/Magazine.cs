using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// A thread's stack of free blocks of one pool, by index, with copies of what its pool needs to turn an index into an address,
/// so that the fast path touches this and the block's word and nothing else. The indices follow the header.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = HeaderBytes)]
internal unsafe struct Magazine
{
    internal const int HeaderBytes = 64;

    /// <summary>Address of block 0.</summary>
    internal nint Blocks;

    /// <summary>The pool's table of <see cref="BlockWord"/>s.</summary>
    internal ulong* Words;

    /// <summary>Blocks taken from the depot less blocks given to it, so far.</summary>
    internal long Received;

    /// <summary>Blocks given back through this magazine so far, whoever had allocated them.</summary>
    internal long Freed;

    /// <summary>Indices in the magazine.</summary>
    internal int Count;

    /// <summary>Most indices it may hold.</summary>
    internal int Capacity;

    /// <summary>Binary logarithm of the block size.</summary>
    internal int BlockShift;

    /// <summary>How many words may be read, as far as this thread knows; the pool may know more by now.</summary>
    internal uint KnownBlocks;

    /// <summary>
    /// Blocks handed out through this magazine so far: what came in and is not there any more. Counted like this, an allocation
    /// needs no counter of its own.
    /// </summary>
    internal readonly long Allocated => Volatile.Read(in Received) + Volatile.Read(in Freed) - Volatile.Read(in Count);

    /// <summary>The indices.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint* Items(Magazine* magazine) => (uint*)((byte*)magazine + HeaderBytes);
}

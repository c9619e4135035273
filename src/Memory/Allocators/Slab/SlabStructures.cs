using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DimensionStore.Memory;

/// <summary>What is known about 16 KiB of address space: which slab lies there. Repeated in every unit of a slab, so that an address finds all it needs in one cache line.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SlabUnit
{
    /// <summary>The heap that owns the slab; null when no slab lies here.</summary>
    internal SlabHeap* Heap;

    /// <summary>That heap's bin for blocks of this size.</summary>
    internal SlabBin* Bin;

    /// <summary>The slab's bookkeeping.</summary>
    internal Slab* Slab;

    /// <summary>The low half of the address of the slab's block 0: it says how far behind that an address of the slab lies. Kept when the slab is gone, so that a double free is still named.</summary>
    internal uint Start;

    /// <summary><see cref="SlabGeometry.Reciprocal"/>, by which a size is known when the slab is gone; 0 when no slab ever lay here.</summary>
    internal uint Reciprocal;
}

/// <summary>Bookkeeping of one slab. The states of its blocks follow, one byte each. Lies outside the slab, so that a use after free cannot damage it.</summary>
[StructLayout(LayoutKind.Sequential, Size = HeaderBytes)]
internal unsafe struct Slab
{
    internal const int HeaderBytes = 64;

    /// <summary>Which groups of 64 blocks have free blocks that are not claimed by a bin.</summary>
    internal ulong GroupMask;

    /// <summary>Blocks that are live, claimed, or freed by another thread and not collected yet.</summary>
    internal int Used;

    /// <summary>The value of <see cref="Used"/> at which its owner has more to do than to count.</summary>
    internal int Trigger;

    /// <summary>1 while somebody is bringing, or has brought, this slab to a heap's pending list.</summary>
    internal int Pending;

    /// <summary>How many blocks there are.</summary>
    internal ushort Capacity;

    /// <summary>How many units.</summary>
    internal byte Units;

    /// <summary>Index of the bin.</summary>
    internal byte Class;

    /// <summary>First unit, counted from the start of the slabs. The slab is in use while that unit names it.</summary>
    internal int FirstUnit;

    /// <summary>Where the owner keeps it.</summary>
    internal SlabPlace Place;

    /// <summary>What its use looked like when it was last looked at for pages to give back.</summary>
    internal byte SeenUse;

    /// <summary>Neighbours in the bin's list of slabs with free blocks, which is a ring.</summary>
    internal Slab* Next;

    /// <inheritdoc cref="Next"/>
    internal Slab* Previous;

    /// <summary>The next one in a pending list.</summary>
    internal Slab* NextPending;

    /// <summary>Owner tags of its blocks, or null while none has one.</summary>
    internal int* Tags;

    /// <summary>The states of a slab's blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static byte* States(Slab* slab) => (byte*)slab + HeaderBytes;
}

/// <summary>Where an owner keeps a slab.</summary>
internal enum SlabPlace : byte
{
    /// <summary>In no list: it has no free block that the owner knows of.</summary>
    Full,

    /// <summary>In the bin's list of slabs with free blocks.</summary>
    Listed,

    /// <summary>The one its bin allocates from.</summary>
    Current,

    /// <summary>Empty, on its way back.</summary>
    Retiring,
}

/// <summary>
/// The state of one block, in one byte. Every value from <see cref="Live"/> on means live, with the low 7 bits of the last byte that was asked for, counted in quanta, below it: a class has at most
/// 128 quanta between its sizes, so these say which size it was.
/// </summary>
internal static unsafe class BlockState
{
    /// <summary>Never handed out, and its memory is zero.</summary>
    internal const byte Fresh = 0;

    /// <summary>Free after it was live.</summary>
    internal const byte Free = 1;

    /// <summary>Freed by a thread that does not own the slab; the owner has not collected it yet.</summary>
    internal const byte FreedElsewhere = 2;

    /// <summary>Never handed out as a block of this slab, with memory that was used before.</summary>
    internal const byte Stale = 3;

    /// <summary>Free after it was live, and some of its memory was given back since.</summary>
    internal const byte Discarded = 4;

    /// <summary>Like <see cref="Stale"/>, and some of its memory was given back.</summary>
    internal const byte DiscardedStale = 5;

    /// <summary>Live.</summary>
    internal const byte Live = 0x80;

    /// <summary>The most slack that can be recorded, in quanta: that much or more.</summary>
    internal const uint MostSlack = 0x7F;

    /// <summary>The state of a live block that was asked for with a size of its class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static byte LiveFor(nuint size, int slackShift) => (byte)(Live | (uint)((size - 1) >> slackShift));

    /// <summary>The state of a live block that was asked for with any size that fits: the same, where that is of the block's class.</summary>
    internal static byte LiveFor(nuint size, uint blockBytes, int slackShift)
    {
        uint slack = Math.Min(MostSlack, (blockBytes - (uint)size) >> slackShift);
        return (byte)(Live | ((blockBytes >> slackShift) - 1 - slack));
    }

    /// <summary>What a live block has beyond what was asked for, in quanta.</summary>
    internal static uint SlackOf(byte state, uint blockBytes, int slackShift) => ((blockBytes >> slackShift) - 1 - state) & MostSlack;

    /// <summary>Which of 64 blocks are free and known to be to their owner.</summary>
    internal static ulong FreeOf64(byte* states)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Vector512<byte> all = Vector512.Load(states);
            return ~(all.ExtractMostSignificantBits() | Vector512.Equals(all, Vector512.Create(FreedElsewhere)).ExtractMostSignificantBits());
        }

        Vector256<byte> low = Vector256.Load(states);
        Vector256<byte> high = Vector256.Load(states + 32);
        ulong live = low.ExtractMostSignificantBits() | ((ulong)high.ExtractMostSignificantBits() << 32);
        return ~(live | InState(states, FreedElsewhere));
    }

    /// <summary>Which of 64 blocks are in a state.</summary>
    internal static ulong InState(byte* states, byte state)
    {
        Vector256<byte> mark = Vector256.Create(state);
        return Vector256.Equals(Vector256.Load(states), mark).ExtractMostSignificantBits()
            | ((ulong)Vector256.Equals(Vector256.Load(states + 32), mark).ExtractMostSignificantBits() << 32);
    }

    /// <summary>Whether a block in this state may be handed out by the owner of its slab.</summary>
    internal static bool IsFree(byte state) => state is Fresh or Free or Stale or Discarded or DiscardedStale;

    /// <summary>Whether a block in this state was never handed out as a block of its slab.</summary>
    internal static bool IsNew(byte state) => state is Fresh or Stale or DiscardedStale;
}

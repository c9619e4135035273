using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DimensionStore.Memory;

/// <summary>
/// Blocks up to 4 KiB that were freed lately and not merged with their neighbours yet: up to 8 per exact size, the last one handed out first. In the heap's bits they look live, so their neighbours
/// do not merge with them; that they are here is what makes them free.
/// </summary>
/// <remarks>
/// A block that is freed is likely to be asked for again soon, in the same size and while it is still in the processor's caches; merging it and cutting it out again
/// would cost ten times what handing it out does. Eight starts of 32 bits fit one vector register, so that "is it here" is one comparison. Under the heap's lock.
/// </remarks>
internal sealed unsafe class DeferredBlocks : IDisposable
{
    /// <summary>Granules in the largest block that is kept here.</summary>
    internal const uint LargestGranules = 256;

    private const int PerSize = 8;
    private const uint SizeWords = (LargestGranules / 64) + 1;

    private const uint LeastRoomGranules = 64;

    private readonly byte* _counts;
    private readonly ulong* _sizes;
    private uint* _starts;
    private uint _next;

    /// <summary>Creates it empty.</summary>
    internal DeferredBlocks()
    {
        _sizes = (ulong*)NativeMemory.AlignedAlloc(FixedBytes, 64);
        _counts = (byte*)(_sizes + SizeWords);
        try
        {
            _starts = (uint*)NativeMemory.AlignedAlloc(StartsBytes(LeastRoomGranules), 64);
        }
        catch
        {
            NativeMemory.AlignedFree(_sizes);
            throw;
        }

        RoomGranules = LeastRoomGranules;
        Clear();
    }

    /// <summary>Bytes this takes.</summary>
    internal long Bytes => (long)(FixedBytes + StartsBytes(RoomGranules));

    /// <summary>Granules in the largest block that there is a place for; more after <see cref="TryMakeRoom"/>.</summary>
    internal uint RoomGranules { get; private set; }

    private static nuint FixedBytes => (SizeWords * sizeof(ulong)) + LargestGranules + 1;

    /// <summary>Granules in all blocks here.</summary>
    internal long Granules { get; private set; }

    /// <summary>
    /// Makes places for blocks of so many granules: twice as many sizes as there were, up to <see cref="LargestGranules"/>, so that a program with small blocks only does not pay for large ones. False for larger
    /// blocks, and when there is no memory for it.
    /// </summary>
    internal bool TryMakeRoom(uint granules)
    {
        if (granules > LargestGranules)
        {
            return false;
        }

        uint room = Math.Max(RoomGranules, BitOperations.RoundUpToPowerOf2(granules));
        uint* starts;
        try
        {
            starts = (uint*)NativeMemory.AlignedAlloc(StartsBytes(room), 64);
        }
        catch (OutOfMemoryException)
        {
            // The blocks are merged at once then, which is slower and as right.
            return false;
        }

        Buffer.MemoryCopy(_starts, starts, StartsBytes(room), StartsBytes(RoomGranules));
        NativeMemory.AlignedFree(_starts);
        _starts = starts;
        RoomGranules = room;
        return true;
    }

    /// <summary>Takes a block of exactly so many granules, at most <see cref="LargestGranules"/>; <see cref="SegregatedHeap.None"/> when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint Take(uint granules)
    {
        uint count = _counts[granules];
        if (count == 0)
        {
            return SegregatedHeap.None;
        }

        count--;
        _counts[granules] = (byte)count;
        Granules -= granules;
        return _starts[(granules * PerSize) + count];
    }

    /// <summary>Adds a block of at most <see cref="RoomGranules"/>; false when there are eight of its size.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryAdd(uint start, uint granules)
    {
        uint count = _counts[granules];
        if (count == PerSize)
        {
            return false;
        }

        _starts[(granules * PerSize) + count] = start;
        _counts[granules] = (byte)(count + 1);
        _sizes[granules >> 6] |= 1UL << (int)(granules & 63);
        Granules += granules;
        return true;
    }

    /// <summary>Whether a block of that size is here.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool Contains(uint start, uint granules)
    {
        if (granules > LargestGranules || _counts[granules] == 0)
        {
            return false;
        }

        uint equal = Vector256.Equals(Vector256.Load(_starts + (granules * PerSize)), Vector256.Create(start)).ExtractMostSignificantBits();
        return (equal & ((1u << _counts[granules]) - 1)) != 0;
    }

    /// <summary>Takes one block out, if it is here.</summary>
    internal bool TryTake(uint start, uint granules)
    {
        if (!Contains(start, granules))
        {
            return false;
        }

        Span<uint> places = new(_starts + (granules * PerSize), _counts[granules]);
        int place = places.IndexOf(start);
        places[(place + 1)..].CopyTo(places[place..]);
        _counts[granules]--;
        Granules -= granules;
        return true;
    }

    /// <summary>Takes the block of a size that has been here longest.</summary>
    internal uint TakeOldest(uint granules)
    {
        uint* places = _starts + (granules * PerSize);
        uint start = places[0];
        for (int i = 1; i < PerSize; i++)
        {
            places[i - 1] = places[i];
        }

        _counts[granules]--;
        Granules -= granules;
        return start;
    }

    /// <summary>Takes a block, one of each size in turn, so that no size waits for ever; <see cref="SegregatedHeap.None"/> when there is none.</summary>
    internal uint TakeAny(out uint granules)
    {
        while (Granules != 0)
        {
            ulong sizes = _sizes[_next >> 6] & (ulong.MaxValue << (int)(_next & 63));
            if (sizes == 0)
            {
                _next = ((_next >> 6) + 1) % SizeWords << 6;
                continue;
            }

            granules = (_next & ~63u) + (uint)BitOperations.TrailingZeroCount(sizes);
            _next = (granules + 1) % (SizeWords << 6);
            if (_counts[granules] != 0)
            {
                return TakeOldest(granules);
            }

            // A size whose blocks were all handed out keeps its bit until it is found here to be empty.
            _sizes[granules >> 6] &= ~(1UL << (int)(granules & 63));
        }

        granules = 0;
        return SegregatedHeap.None;
    }

    /// <summary>Marks all that is here.</summary>
    internal void MarkAll(FreedElsewhere elsewhere)
    {
        for (uint granules = 1; granules <= LargestGranules; granules++)
        {
            for (int i = 0; i < _counts[granules]; i++)
            {
                elsewhere.TryMark(_starts[(granules * PerSize) + i]);
            }
        }
    }

    /// <summary>Forgets all.</summary>
    internal void Clear()
    {
        new Span<byte>(_counts, (int)LargestGranules + 1).Clear();
        new Span<ulong>(_sizes, (int)SizeWords).Clear();
        Granules = 0;
    }

    /// <summary>Gives the memory back. Once.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_starts);
        NativeMemory.AlignedFree(_sizes);
    }

    private static nuint StartsBytes(uint room) => (room + 1) * PerSize * sizeof(uint);
}

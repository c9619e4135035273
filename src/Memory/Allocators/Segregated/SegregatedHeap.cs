using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Segregated free blocks over one reservation: cutting, merging, growing and shrinking. Numbers are granules of 16 bytes from the start of the reservation. <c>README.md</c> has the whole picture.
/// </summary>
/// <remarks>Not thread-safe: whoever has it has a lock.</remarks>
internal sealed unsafe partial class SegregatedHeap : IDisposable
{
    /// <summary>Bits of an address inside a granule.</summary>
    internal const int GranuleShift = 4;

    /// <summary>Granules in a page of 4 KiB.</summary>
    internal const uint PageGranules = 256;

    /// <summary>No granule.</summary>
    internal const uint None = uint.MaxValue;

    private const int PageShift = 8;
    private const int SliceShift = 6;
    private const uint PageMask = PageGranules - 1;
    private const uint ShortestCut = 256;

    private readonly HeapTables _tables;
    private readonly BlockMemory _memory;
    private readonly ulong* _lines;
    private readonly nint _base;

    private readonly DeferredBlocks _deferred = new();

    // Where the tables have them now; threads that free without the lock read them too, and by then they have their last place.
    private HeapTables.PageSpan* _spans;
    private uint _knownGranules;
    private State _state;

    /// <summary>Creates an empty heap; nothing is committed but a page of tables.</summary>
    internal SegregatedHeap(BlockMemory memory)
    {
        _memory = memory;
        _base = memory.Start;
        _tables = new HeapTables((uint)(memory.Bytes >> (PageShift + GranuleShift)));
        _lines = _tables.Lines;
        _spans = _tables.Spans;
        _state.Cut = None;
        _unitShift = PageShift + BitOperations.Log2((uint)Math.Max(1, Native.VirtualMemory.PageSize >> (PageShift + GranuleShift)));
    }

    /// <summary>Granules in live blocks.</summary>
    internal long LiveGranules => _state.LiveGranules;

    /// <summary>Highest <see cref="LiveGranules"/> so far.</summary>
    internal long PeakLiveGranules => _state.PeakLiveGranules;

    /// <summary>Blocks handed out so far.</summary>
    internal long Allocations => _state.Allocations;

    /// <summary>Blocks given back so far.</summary>
    internal long Frees => _state.Frees;

    /// <summary>Blocks that wait to be merged.</summary>
    internal DeferredBlocks Deferred => _deferred;

    /// <summary>The tables, so that a test can damage them and see the check find it.</summary>
    internal HeapTables Tables => _tables;

    /// <summary>Takes a block of exactly so many granules out of committed memory, or answers <see cref="None"/> and has changed nothing that anybody can see.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint Take(uint granules)
    {
        uint start = granules <= DeferredBlocks.LargestGranules ? _deferred.Take(granules) : None;
        if (start == None)
        {
            return TakeOther(granules);
        }

        _elsewhere?.Unmark(start);
        CountTaken(granules);
        return start;
    }

    /// <summary>Takes a block whose address is a multiple of <paramref name="alignment"/> bytes, a power of two.</summary>
    internal uint TakeAligned(uint granules, nuint alignment)
    {
        if (alignment <= (nuint)1 << GranuleShift)
        {
            return Take(granules);
        }

        ulong most = granules + ((ulong)alignment >> GranuleShift) - 1;
        if (most > _knownGranules || !TryFind((uint)most, out uint start, out uint length))
        {
            return None;
        }

        nuint address = (nuint)AddressOf(start);
        uint before = (uint)((((address + alignment - 1) & ~(alignment - 1)) - address) >> GranuleShift);
        if (before > 0)
        {
            // The free block keeps its start and becomes shorter; what follows is a free block for a moment.
            uint rest = start + before;
            MarkFree(rest);
            SetSpan(start, before);
            SetSpan(rest, length - before);
            Remember(start, before);
            start = rest;
            length -= before;
        }

        CutFrom(start, length, granules);
        CountTaken(granules);
        return start;
    }

    /// <summary>Frees a live block, which is marked where the heap is shared.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Give(uint start, uint granules)
    {
        _state.Frees++;
        _state.LiveGranules -= granules;
        if (granules > _deferred.RoomGranules || !_deferred.TryAdd(start, granules))
        {
            GiveOther(start, granules);
        }
        else if (_deferred.Granules > (_state.LiveGranules >> DeferredShift) + DeferredAlways)
        {
            MergeSome(MostMergedByFree);
        }
    }

    /// <summary>
    /// Makes a live block shorter, or longer where a free block follows that suffices. False when there is none; then nothing has changed.
    /// </summary>
    internal bool TryResize(uint start, uint length, uint wanted)
    {
        if (wanted < length)
        {
            uint rest = start + wanted;
            MarkFree(rest);
            SetSpan(start, wanted);
            SetSpan(rest, length - wanted);
            Merge(rest, length - wanted);
        }
        else if (wanted > length)
        {
            uint next = start + length;
            if (next < _knownGranules)
            {
                MergeWaiting(next);
            }

            if (next >= _knownGranules || !IsFree(next))
            {
                return false;
            }

            uint nextLength = LengthOf(next);
            if (nextLength < wanted - length)
            {
                return false;
            }

            bool isCut = ForgetOrCut(next, nextLength);
            ulong* line = LineOf(next, out uint word, out int bit);
            line[word] &= ~(1UL << bit);
            line[word + 4] &= ~(1UL << bit);
            SetSpan(start, wanted);
            uint restLength = length + nextLength - wanted;
            if (restLength > 0)
            {
                uint rest = start + wanted;
                MarkFree(rest);
                SetSpan(rest, restLength);
                if (isCut)
                {
                    _state.Cut = rest;
                    _state.CutLength = restLength;
                }
                else
                {
                    Remember(rest, restLength);
                }
            }
        }

        _state.LiveGranules += (long)wanted - length;
        _state.PeakLiveGranules = Math.Max(_state.PeakLiveGranules, _state.LiveGranules);
        return true;
    }

    /// <summary>Undoes a take as if it had never been.</summary>
    internal void Untake(uint start, uint granules)
    {
        TryGive(start, granules);
        _state.Allocations--;
        _state.Frees--;
    }

    /// <summary>Whether a granule may ever have been part of the heap.</summary>
    internal bool WasKnown(uint granule) => granule < _knownGranules;

    /// <summary>The granules of the live block that starts at a granule; 0 when none does. For any number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint LiveLength(uint start)
    {
        if (start >= _knownGranules)
        {
            return 0;
        }

        ulong* line = LineOf(start, out uint word, out int bit);
        if (((line[word] & ~line[word + 4]) >> bit & 1) == 0)
        {
            return 0;
        }

        uint length = LengthOf(start);
        return (_elsewhere is null ? _deferred.Contains(start, length) : _elsewhere.IsMarked(start)) ? 0 : length;
    }

    /// <summary>The granules of the freed block that starts at a granule and waits to be merged; 0 when none does.</summary>
    internal uint WaitingLength(uint granule) => IsMarkedLive(granule) && LiveLength(granule) == 0 ? LengthOf(granule) : 0;

    /// <summary>The number of the granule at an address; <see cref="None"/> when the address is not in the reservation or not on a granule.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint GranuleAt(nint address)
    {
        // Rotated, the low bits of a misplaced address become the highest ones, so that one comparison finds these too.
        nuint granule = BitOperations.RotateRight((nuint)(address - _base), GranuleShift);
        return granule < (nuint)_knownGranules ? (uint)granule : None;
    }

    /// <summary>
    /// Asks memory for what is known about the block at an address: its page's bits and, in another table, its length where it leaves the page. Neither is in a cache as a rule when
    /// there are many blocks; asked for at once, they are one wait and not two. For any address: nothing is read.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void FetchBlock(nint address) => FetchPage((nuint)(address - _base) >> (PageShift + GranuleShift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FetchPage(nuint page)
    {
        Prefetch.Line(_lines + (page * 8));
        Prefetch.Line(_spans + page);
    }

    /// <summary>The address of a granule.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal nint AddressOf(uint granule) => _base + (nint)((nuint)granule << GranuleShift);

    /// <summary>Granules of the block that starts here, live or free.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint LengthOf(uint start)
    {
        ulong* line = LineOf(start, out uint word, out int bit);
        ulong rest = line[word] >> bit >> 1;
        return rest != 0 ? (uint)BitOperations.TrailingZeroCount(rest) + 1 : LengthBeyondWord(start, line, word);
    }

    /// <summary>Gives the tables back; the memory itself belongs to the allocator.</summary>
    public void Dispose()
    {
        _deferred.Dispose();
        _elsewhere?.Dispose();
        _tables.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CountTaken(uint granules)
    {
        _state.Allocations++;
        long live = _state.LiveGranules + granules;
        _state.LiveGranules = live;
        if (live > _state.PeakLiveGranules)
        {
            _state.PeakLiveGranules = live;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint LengthBeyondWord(uint start, ulong* line, uint word)
    {
        for (uint i = word + 1; i < 4; i++)
        {
            if (line[i] != 0)
            {
                return (i << 6) + (uint)BitOperations.TrailingZeroCount(line[i]) - (start & PageMask);
            }
        }

        return _spans[start >> PageShift].Length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong* LineOf(uint granule, out uint word, out int bit)
    {
        word = (granule & PageMask) >> 6;
        bit = (int)(granule & 63);
        return _lines + ((nuint)(granule >> PageShift) * 8);
    }

    /// <summary>What requests and frees change, away from what threads read that free without the lock.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct State
    {
        /// <summary>The block that small requests are cut from when no bucket has a better one; in no bucket and not in the tree.</summary>
        [FieldOffset(64)]
        internal uint Cut;

        [FieldOffset(68)]
        internal uint CutLength;

        [FieldOffset(72)]
        internal long LiveGranules;

        [FieldOffset(80)]
        internal long PeakLiveGranules;

        [FieldOffset(88)]
        internal long Allocations;

        [FieldOffset(96)]
        internal long Frees;

        [FieldOffset(104)]
        internal long IdlePages;
    }
}

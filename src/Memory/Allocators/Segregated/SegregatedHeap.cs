using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

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

    // Merging a block costs some 60 ns, and no request may take ten microseconds for it: what is not merged by this one waits for the next.
    private const int MostMergedByRequest = 8;
    private const int MostMergedByFree = 8;
    private const int MergedTogether = 8;

    // Below 1 KiB, what is cut from the block at hand is less than what merging would cost.
    private const uint LeastWorthMerging = 64;

    // At most 64 KiB and a 64th of the live bytes wait to be merged.
    private const int DeferredShift = 6;
    private const long DeferredAlways = (64 << 10) >> GranuleShift;

    // How many slices with blocks of the right bucket but too small are looked at before a larger bucket is taken: a bound, so that the search stays O(1).
    private const int GoodFitTries = 4;

    private readonly HeapTables _tables;
    private readonly BlockMemory _memory;
    private readonly ulong* _lines;
    private readonly HeapTables.PageSpan* _spans;
    private readonly nint _base;

    // The block that small requests are cut from when no bucket has a better one; in no bucket and not in the tree.
    private uint _cut = None;
    private uint _cutLength;

    private readonly DeferredBlocks _deferred = new();

    private uint _knownGranules;
    private long _idlePages;

    /// <summary>Creates an empty heap; nothing is committed but a few pages of tables.</summary>
    internal SegregatedHeap(BlockMemory memory)
    {
        _memory = memory;
        _base = memory.Start;
        _tables = new HeapTables((uint)(memory.Bytes >> (PageShift + GranuleShift)));
        _lines = _tables.Lines;
        _spans = _tables.Spans;
        _unitShift = PageShift + BitOperations.Log2((uint)Math.Max(1, Native.VirtualMemory.PageSize >> (PageShift + GranuleShift)));
    }

    /// <summary>Granules in live blocks.</summary>
    internal long LiveGranules { get; private set; }

    /// <summary>Highest <see cref="LiveGranules"/> so far.</summary>
    internal long PeakLiveGranules { get; private set; }

    /// <summary>Blocks handed out so far.</summary>
    internal long Allocations { get; private set; }

    /// <summary>Blocks given back so far.</summary>
    internal long Frees { get; private set; }

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

        MergeDeferred();
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

    /// <summary>Frees a live block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Give(uint start, uint granules)
    {
        Frees++;
        LiveGranules -= granules;
        if (granules > DeferredBlocks.LargestGranules || !_deferred.TryAdd(start, granules))
        {
            GiveOther(start, granules);
        }
        else if (_deferred.Granules > (LiveGranules >> DeferredShift) + DeferredAlways)
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
            if (next < _knownGranules && !IsFree(next))
            {
                MergeDeferred();
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
                    _cut = rest;
                    _cutLength = restLength;
                }
                else
                {
                    Remember(rest, restLength);
                }
            }
        }

        LiveGranules += (long)wanted - length;
        PeakLiveGranules = Math.Max(PeakLiveGranules, LiveGranules);
        return true;
    }

    /// <summary>Undoes a take as if it had never been.</summary>
    internal void Untake(uint start, uint granules)
    {
        Give(start, granules);
        Allocations--;
        Frees--;
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
        return _deferred.Contains(start, length) ? 0 : length;
    }

    /// <summary>The number of the granule at an address; <see cref="None"/> when the address is not in the reservation or not on a granule.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint GranuleAt(nint address)
    {
        // Rotated, the low bits of a misplaced address become the highest ones, so that one comparison finds these too.
        nuint granule = BitOperations.RotateRight((nuint)(address - _base), GranuleShift);
        return granule < (nuint)_knownGranules ? (uint)granule : None;
    }

    /// <summary>The address of a granule.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal nint AddressOf(uint granule) => _base + (nint)((nuint)granule << GranuleShift);

    /// <summary>Merges all blocks that were freed and not merged yet. After this every free block is marked as one, and no two are neighbours.</summary>
    internal void MergeDeferred()
    {
        MergeSome(int.MaxValue);
    }

    /// <summary>
    /// Merges so many of the blocks that wait. Each lies anywhere, and what is known about it is in no cache as a rule: of a handful, all is asked for from memory before the first
    /// is merged, so that they wait together and not one after the other.
    /// </summary>
    private void MergeSome(int most)
    {
        uint* starts = stackalloc uint[MergedTogether];
        uint* lengths = stackalloc uint[MergedTogether];
        int count;
        do
        {
            count = 0;
            while (count < MergedTogether && count < most)
            {
                uint start = _deferred.TakeAny(out uint granules);
                if (start == None)
                {
                    break;
                }

                Prefetch(start);
                Prefetch(start + granules);
                starts[count] = start;
                lengths[count] = granules;
                count++;
            }

            for (int i = 0; i < count; i++)
            {
                MarkFree(starts[i]);
                Merge(starts[i], lengths[i]);
            }

            most -= count;
        }
        while (count == MergedTogether && most > 0);
    }

    private void Prefetch(uint granule)
    {
        if (Sse.IsSupported && granule < _knownGranules)
        {
            Sse.Prefetch0(_lines + ((nuint)(granule >> PageShift) * 8));
            Sse.Prefetch0(_spans + (granule >> PageShift));
        }
    }

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
        _tables.Dispose();
    }

    /// <summary>Frees a block that cannot be deferred, or the older half of those of its size, which then are as many as may be.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void GiveOther(uint start, uint granules)
    {
        if (granules > DeferredBlocks.LargestGranules)
        {
            MarkFree(start);
            Merge(start, granules);
            return;
        }

        for (int i = 0; i < 4; i++)
        {
            uint oldest = _deferred.TakeOldest(granules);
            MarkFree(oldest);
            Merge(oldest, granules);
        }

        _deferred.TryAdd(start, granules);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint TakeOther(uint granules)
    {
        if (!TryFind(granules, out uint start, out uint length))
        {
            return None;
        }

        CutFrom(start, length, granules);
        CountTaken(granules);
        return start;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CountTaken(uint granules)
    {
        Allocations++;
        long live = LiveGranules + granules;
        LiveGranules = live;
        if (live > PeakLiveGranules)
        {
            PeakLiveGranules = live;
        }
    }

    /// <summary>Finds a free block and takes it out of bucket, tree or cut. Its bits stay those of a free block.</summary>
    private bool TryFind(uint granules, out uint start, out uint length)
    {
        bool merged = false;
        if (granules <= SizeBuckets.LargestGranules)
        {
            // An exact fit cannot be bettered.
            if (_cutLength == granules)
            {
                return TakeCut(out start, out length);
            }

            if (TryFindInBuckets(granules, out start, out length))
            {
                return true;
            }

            // Before anything larger is cut: what was freed lately may be what is wanted, once it is merged.
            if (_deferred.Granules != 0 && (granules >= LeastWorthMerging || _cutLength < granules))
            {
                MergeSome(MostMergedByRequest);
                merged = true;
                if (TryFindInBuckets(granules, out start, out length))
                {
                    return true;
                }
            }

            if (_cutLength >= granules)
            {
                return TakeCut(out start, out length);
            }
        }

        if (!merged)
        {
            MergeSome(MostMergedByRequest);
        }

        PutCutBack();
        if (_knownGranules != 0 && _tables.Tree.TryFindBest(granules, out start, out length))
        {
            Forget(start, length);
            return true;
        }

        start = None;
        length = 0;
        return false;
    }

    private bool TakeCut(out uint start, out uint length)
    {
        start = _cut;
        length = _cutLength;
        _cut = None;
        _cutLength = 0;
        return true;
    }

    private bool TryFindInBuckets(uint granules, out uint start, out uint length)
    {
        int bucket = SizeBuckets.Of(granules);
        if (SizeBuckets.Smallest(bucket) != granules)
        {
            // The request is larger than the bucket's size: some of its blocks fit, and one that does is a better fit than the next bucket's.
            if ((_tables.Filled >> bucket & 1) != 0 && TryFindGoodFit(bucket, granules, out start, out length))
            {
                return true;
            }

            bucket++;
        }

        ulong buckets = _tables.Filled & (ulong.MaxValue << bucket);
        while (buckets != 0)
        {
            bucket = BitOperations.TrailingZeroCount(buckets);
            uint slice = _tables.FirstGroup(bucket, out ulong group);
            slice += (uint)BitOperations.TrailingZeroCount(group);
            if (TryFindInSlice(slice, bucket, granules, out start, out length, out _))
            {
                return true;
            }

            _tables.RemoveHint(bucket, slice);
            buckets = _tables.Filled & (ulong.MaxValue << bucket);
        }

        start = None;
        length = 0;
        return false;
    }

    private bool TryFindGoodFit(int bucket, uint granules, out uint start, out uint length)
    {
        uint first = _tables.FirstGroup(bucket, out ulong group);
        for (int tries = 0; group != 0 && tries < GoodFitTries; tries++, group &= group - 1)
        {
            uint slice = first + (uint)BitOperations.TrailingZeroCount(group);
            if (TryFindInSlice(slice, bucket, granules, out start, out length, out bool hasBucket))
            {
                return true;
            }

            if (!hasBucket)
            {
                _tables.RemoveHint(bucket, slice);
            }
        }

        start = None;
        length = 0;
        return false;
    }

    /// <summary>Looks through the free blocks that start in a slice for one of the bucket that is long enough, and takes it out of the bucket.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindInSlice(uint slice, int bucket, uint granules, out uint start, out uint length, out bool hasBucket)
    {
        uint word = slice & 3;
        ulong* line = _lines + ((nuint)(slice >> 2) * 8);
        uint least = SizeBuckets.Smallest(bucket);
        uint range = SizeBuckets.Smallest(bucket + 1) - least;
        ulong starts = line[word];
        hasBucket = false;
        for (ulong free = line[word + 4]; free != 0; free &= free - 1)
        {
            int bit = BitOperations.TrailingZeroCount(free);
            ulong rest = starts >> bit >> 1;
            start = (slice << 6) + (uint)bit;
            length = rest != 0 ? (uint)BitOperations.TrailingZeroCount(rest) + 1 : LengthBeyondWord(start, line, word);
            if (length - least < range && start != _cut)
            {
                hasBucket = true;
                if (length >= granules)
                {
                    // The only one of the slice: then the hint is void at once and need not be followed in vain.
                    if ((line[word + 4] & (line[word + 4] - 1)) == 0)
                    {
                        _tables.RemoveHint(bucket, slice);
                    }

                    if (length >= PageGranules)
                    {
                        _idlePages -= WholePages(start, length);
                    }

                    return true;
                }
            }
        }

        start = None;
        length = 0;
        return false;
    }

    /// <summary>Makes the first granules of a free block that is in no list live; the rest becomes a free block.</summary>
    private void CutFrom(uint start, uint length, uint granules)
    {
        ulong* line = LineOf(start, out uint word, out int bit);
        line[word + 4] &= ~(1UL << bit);
        if (length == granules)
        {
            return;
        }

        uint rest = start + granules;
        MarkFree(rest);
        SetSpan(start, granules);
        SetSpan(rest, length - granules);

        // A long remainder is what the next requests are cut from, instead of going through a bucket or the tree for each. Of two long ones the new one: it was the better fit.
        if (length - granules >= ShortestCut)
        {
            PutCutBack();
            _cut = rest;
            _cutLength = length - granules;
        }
        else
        {
            Remember(rest, length - granules);
        }
    }

    /// <summary>Makes the block to cut from an ordinary free one.</summary>
    private void PutCutBack()
    {
        uint start = _cut;
        uint length = _cutLength;
        _cut = None;
        _cutLength = 0;
        if (length != 0)
        {
            Remember(start, length);
        }
    }

    /// <summary>Merges a free block, whose start is marked, with its free neighbours and puts the result where it can be found.</summary>
    private void Merge(uint start, uint length)
    {
        bool isCut = false;
        uint next = start + length;
        if (next < _knownGranules)
        {
            ulong* line = LineOf(next, out uint word, out int bit);
            if ((line[word + 4] >> bit & 1) != 0)
            {
                uint nextLength = LengthOf(next);
                isCut = ForgetOrCut(next, nextLength);
                line[word] &= ~(1UL << bit);
                line[word + 4] &= ~(1UL << bit);
                length += nextLength;
            }
        }

        uint previous = PreviousOf(start);
        if (previous != None)
        {
            ulong* line = LineOf(previous, out uint word, out int bit);
            if ((line[word + 4] >> bit & 1) != 0)
            {
                isCut |= ForgetOrCut(previous, start - previous);
                line = LineOf(start, out word, out bit);
                line[word] &= ~(1UL << bit);
                line[word + 4] &= ~(1UL << bit);
                length += start - previous;
                start = previous;
            }
        }

        SetSpan(start, length);
        if (!isCut && length < ShortestCut)
        {
            Remember(start, length);
            return;
        }

        // A run of frees of neighbours grows one block: while that is the one to cut from, it goes through no bucket and no tree each time.
        PutCutBack();
        _cut = start;
        _cutLength = length;
    }

    /// <summary>The start of the block that ends where this one starts; <see cref="None"/> when there is none or its memory is not committed.</summary>
    private uint PreviousOf(uint start)
    {
        if (start == 0)
        {
            return None;
        }

        uint last = start - 1;
        uint page = last >> PageShift;
        ulong* line = _lines + ((nuint)page * 8);
        uint word = (last & PageMask) >> 6;
        ulong starts = line[word] & (ulong.MaxValue >> (63 - (int)(last & 63)));
        while (starts == 0 && word > 0)
        {
            word--;
            starts = line[word];
        }

        // Where nothing comes in, 0 less 1 is None.
        return starts != 0 ? (page << PageShift) + (word << 6) + (uint)BitOperations.Log2(starts) : _spans[page].ComesInFrom - 1;
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

    /// <summary>Writes the boundary information of a block that reaches its page's end or goes beyond.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetSpan(uint start, uint length)
    {
        uint page = start >> PageShift;
        if ((start & PageMask) + length >= PageGranules)
        {
            _spans[page].Length = length;
            uint lastPage = (start + length - 1) >> PageShift;
            if (lastPage != page)
            {
                _spans[lastPage].ComesInFrom = start + 1;
            }
        }
    }

    private void MarkFree(uint start)
    {
        ulong* line = LineOf(start, out uint word, out int bit);
        line[word] |= 1UL << bit;
        line[word + 4] |= 1UL << bit;
    }

    /// <summary>Puts a free block where it can be found.</summary>
    private void Remember(uint start, uint length)
    {
        if (length <= SizeBuckets.LargestGranules)
        {
            _tables.AddHint(SizeBuckets.Of(length), start >> SliceShift);
        }
        else
        {
            _tables.Tree.Add(start, length);
        }

        if (length >= PageGranules)
        {
            _idlePages += WholePages(start, length);
        }
    }

    /// <summary>Undoes <see cref="Remember"/>. A hint stays, until somebody follows it in vain, where other free blocks start in the slice: one of them may be of the same bucket.</summary>
    private void Forget(uint start, uint length)
    {
        if (length > SizeBuckets.LargestGranules)
        {
            _tables.Tree.Remove(start);
        }
        else
        {
            ulong* line = LineOf(start, out uint word, out int bit);
            if (line[word + 4] == 1UL << bit)
            {
                _tables.RemoveHint(SizeBuckets.Of(length), start >> SliceShift);
            }
        }

        if (length >= PageGranules)
        {
            _idlePages -= WholePages(start, length);
        }
    }

    private bool ForgetOrCut(uint start, uint length)
    {
        if (start == _cut)
        {
            _cut = None;
            _cutLength = 0;
            return true;
        }

        Forget(start, length);
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong* LineOf(uint granule, out uint word, out int bit)
    {
        word = (granule & PageMask) >> 6;
        bit = (int)(granule & 63);
        return _lines + ((nuint)(granule >> PageShift) * 8);
    }
}

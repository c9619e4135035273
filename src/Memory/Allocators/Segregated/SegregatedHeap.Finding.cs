using System.Numerics;
using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>Where a request finds its block: the buckets, the block to cut from, the tree.</summary>
internal sealed unsafe partial class SegregatedHeap
{
    // How many slices with blocks of the right bucket but too small are looked at before a larger bucket is taken: a bound, so that the search stays O(1).
    private const int GoodFitTries = 4;

    // Below 1 KiB, what is cut from the block at hand is less than what merging would cost.
    private const uint LeastWorthMerging = 64;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint TakeOther(uint granules)
    {
        if (_elsewhere is not null && TakeIn(MostTakenByRequest) && granules <= DeferredBlocks.LargestGranules)
        {
            uint fresh = _deferred.Take(granules);
            if (fresh != None)
            {
                _elsewhere.Unmark(fresh);
                CountTaken(granules);
                return fresh;
            }
        }

        if (!TryFind(granules, out uint start, out uint length))
        {
            return None;
        }

        CutFrom(start, length, granules);
        CountTaken(granules);
        return start;
    }

    /// <summary>Finds a free block and takes it out of bucket, tree or cut. Its bits stay those of a free block.</summary>
    private bool TryFind(uint granules, out uint start, out uint length)
    {
        bool merged = false;
        if (granules <= SizeBuckets.LargestGranules)
        {
            // An exact fit cannot be bettered.
            if (_state.CutLength == granules)
            {
                return TakeCut(out start, out length);
            }

            if (TryFindInBuckets(granules, out start, out length))
            {
                return true;
            }

            // Before anything larger is cut: what was freed lately may be what is wanted, once it is merged.
            if (_deferred.Granules != 0 && (granules >= LeastWorthMerging || _state.CutLength < granules))
            {
                MergeSome(MostMergedByRequest);
                merged = true;
                if (TryFindInBuckets(granules, out start, out length))
                {
                    return true;
                }
            }

            if (_state.CutLength >= granules)
            {
                return TakeCut(out start, out length);
            }
        }

        if (!merged)
        {
            MergeSome(MostMergedByRequest);
        }

        if (granules <= SizeBuckets.LargestGranules || _state.CutLength >= granules)
        {
            PutCutBack();
        }

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
        start = _state.Cut;
        length = _state.CutLength;
        _state.Cut = None;
        _state.CutLength = 0;
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
            if (length - least < range && start != _state.Cut)
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
                        _state.IdlePages -= WholePages(start, length);
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

        // A long remainder is what the next requests are cut from, instead of going through a bucket or the tree for each. Of two long ones the new one: it was the better fit. Not what lies behind a block
        // for the tree: small blocks there would keep its place from merging when it is freed, and each of a growing buffer's places would be lost to the next.
        if (length - granules >= ShortestCut && granules <= SizeBuckets.LargestGranules)
        {
            PutCutBack();
            _state.Cut = rest;
            _state.CutLength = length - granules;
        }
        else
        {
            Remember(rest, length - granules);
        }
    }

    /// <summary>Makes the block to cut from an ordinary free one.</summary>
    private void PutCutBack()
    {
        uint start = _state.Cut;
        uint length = _state.CutLength;
        _state.Cut = None;
        _state.CutLength = 0;
        if (length != 0)
        {
            Remember(start, length);
        }
    }
}

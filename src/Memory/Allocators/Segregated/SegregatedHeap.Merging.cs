using System.Numerics;
using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>Freed blocks: waiting to be merged, merged with their neighbours, and put where they can be found.</summary>
internal sealed unsafe partial class SegregatedHeap
{
    // Merging a block costs some 60 ns, and no request may take ten microseconds for it: what is not merged by this one waits for the next.
    private const int MostMergedByRequest = 8;
    private const int MostMergedByFree = 8;
    private const int MostMergedByGrowth = 32;
    private const int MergedTogether = 8;

    private const int LeastLastLivesLog = 5;
    private const int MostLastLivesLog = 8;

    // At most 64 KiB and a 64th of the live bytes wait to be merged.
    private const int DeferredShift = 6;
    private const long DeferredAlways = (64 << 10) >> GranuleShift;

    /// <summary>What blocks were that were merged with their neighbours lately. Whose they were is known above.</summary>
    internal LastLives LastLives { get; } = new(LeastLastLivesLog);

    /// <summary>Merges all blocks that were freed and not merged yet, wherever they were freed. After this every free block is marked as one, and no two are neighbours.</summary>
    internal void MergeDeferred()
    {
        TakeIn(int.MaxValue);
        MergeSome(int.MaxValue);
    }

    /// <summary>Merges so many of the waiting blocks as a request may be made to pay for that is about to commit memory; what is left waits for others.</summary>
    internal void MergeBeforeGrowth() => MergeSome(MostMergedByGrowth);

    /// <summary>As many places as half the heap's pages, up to 256: a small heap's blocks that somebody might free twice are few.</summary>
    private static int LastLivesLogFor(uint pages) => Math.Clamp(BitOperations.Log2(pages) - 1, LeastLastLivesLog, MostLastLivesLog);

    /// <summary>Merges the block that starts at a granule, if it is one that waits.</summary>
    private void MergeWaiting(uint start)
    {
        if (!IsFree(start))
        {
            uint length = LengthOf(start);
            if (_deferred.TryTake(start, length))
            {
                MarkMerged(start, length);
                Merge(start, length);
            }
        }
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

                FetchGranule(start);
                FetchGranule(start + granules);
                starts[count] = start;
                lengths[count] = granules;
                count++;
            }

            for (int i = 0; i < count; i++)
            {
                MarkMerged(starts[i], lengths[i]);
                Merge(starts[i], lengths[i]);
            }

            most -= count;
        }
        while (count == MergedTogether && most > 0);
    }

    private void FetchGranule(uint granule)
    {
        if (granule < _knownGranules)
        {
            FetchPage(granule >> PageShift);
        }
    }

    /// <summary>Frees a block that cannot be deferred, or the older half of those of its size, which then are as many as may be.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void GiveOther(uint start, uint granules)
    {
        if (granules > _deferred.RoomGranules && _deferred.TryMakeRoom(granules) && _deferred.TryAdd(start, granules))
        {
            return;
        }

        if (granules > _deferred.RoomGranules)
        {
            MarkMerged(start, granules);
            Merge(start, granules);
            return;
        }

        for (int i = 0; i < 4; i++)
        {
            uint oldest = _deferred.TakeOldest(granules);
            MarkMerged(oldest, granules);
            Merge(oldest, granules);
        }

        _deferred.TryAdd(start, granules);
    }

    /// <summary>Merges a free block, whose start is marked, with its free neighbours and puts the result where it can be found.</summary>
    private void Merge(uint start, uint length)
    {
        bool isCut = false;
        bool isForTree = length > SizeBuckets.LargestGranules;
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
        if (!isCut && (length < ShortestCut || isForTree))
        {
            Remember(start, length);
            return;
        }

        // A run of frees of neighbours grows one block: while that is the one to cut from, it goes through no bucket and no tree each time. Not what a block for the tree leaves: CutFrom says why.
        PutCutBack();
        _state.Cut = start;
        _state.CutLength = length;
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

    /// <summary>Makes a block that waits one that is marked as free in the heap's bits.</summary>
    private void MarkMerged(uint start, uint length)
    {
        MarkFree(start);
        _elsewhere?.Unmark(start);
        LastLives.Note(start, length, OwnerId.None);
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
            _state.IdlePages += WholePages(start, length);
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
            _state.IdlePages -= WholePages(start, length);
        }
    }

    private bool ForgetOrCut(uint start, uint length)
    {
        if (start == _state.Cut)
        {
            _state.Cut = None;
            _state.CutLength = 0;
            return true;
        }

        Forget(start, length);
        return false;
    }
}

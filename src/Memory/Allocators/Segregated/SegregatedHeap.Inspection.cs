using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>Walking over the blocks, and the check of everything the heap believes about itself.</summary>
internal sealed unsafe partial class SegregatedHeap
{
    /// <summary>The next block, live or free, that starts at or behind a granule.</summary>
    /// <returns>False when there is none.</returns>
    internal bool TryNext(uint from, out uint start, out uint length, out bool isLive)
    {
        for (uint page = from >> PageShift; page < _tables.KnownPages; page++)
        {
            ulong* line = _lines + ((nuint)page * 8);
            uint offset = page == from >> PageShift ? from & PageMask : 0;
            for (uint word = offset >> 6; word < 4; word++)
            {
                ulong starts = line[word] & (word == offset >> 6 ? ulong.MaxValue << (int)(offset & 63) : ulong.MaxValue);
                if (starts != 0)
                {
                    int bit = BitOperations.TrailingZeroCount(starts);
                    start = (page << PageShift) + (word << 6) + (uint)bit;
                    length = LengthOf(start);
                    isLive = (line[word + 4] >> bit & 1) == 0;
                    return true;
                }
            }
        }

        start = None;
        length = 0;
        isLive = false;
        return false;
    }

    /// <summary>The start of the block that a granule lies in; <see cref="None"/> where nothing is committed. Slow: for errors and bounds checks of addresses inside large blocks.</summary>
    internal uint StartOfBlockAround(uint granule)
    {
        if (granule >= _knownGranules || !_tables.IsCommitted(granule >> PageShift))
        {
            return None;
        }

        for (uint page = granule >> PageShift; ; page--)
        {
            ulong* line = _lines + ((nuint)page * 8);
            for (uint word = page == granule >> PageShift ? (granule & PageMask) >> 6 : 3; ; word--)
            {
                ulong starts = page == granule >> PageShift && word == (granule & PageMask) >> 6
                    ? line[word] & (ulong.MaxValue >> (63 - (int)(granule & 63)))
                    : line[word];
                if (starts != 0)
                {
                    return (page << PageShift) + (word << 6) + (uint)BitOperations.Log2(starts);
                }

                if (word == 0)
                {
                    break;
                }
            }

            if (page == 0)
            {
                return None;
            }
        }
    }

    /// <summary>Adds the runs of committed pages.</summary>
    internal void AddExtents(List<MemoryExtent> extents)
    {
        for (uint page = NextCommitted(0, _tables.KnownPages); page < _tables.KnownPages;)
        {
            uint end = Math.Min(NextUncommitted(page), _tables.KnownPages);
            extents.Add(new MemoryExtent(AddressOf(page << PageShift), (long)(end - page) << (PageShift + GranuleShift), ""));
            page = NextCommitted(end, _tables.KnownPages);
        }
    }

    /// <summary>
    /// Checks that blocks fill the committed pages without gap or overlap, that no two free ones are neighbours, that every free one can be found, that boundary information is right and
    /// that the counters agree.
    /// </summary>
    /// <returns>Blocks looked at.</returns>
    internal long Check(List<string> violations)
    {
        MergeDeferred();
        long blocks = 0;
        long live = 0;
        long liveGranules = 0;
        long large = 0;
        long idle = 0;
        long committedPages = 0;
        bool cutFound = _state.CutLength == 0;
        for (uint page = 0; page < _tables.KnownPages && violations.Count < 100;)
        {
            if (!_tables.IsCommitted(page))
            {
                ulong* line = _lines + ((nuint)page * 8);
                Expect(violations, new ReadOnlySpan<ulong>(line, 8).IndexOfAnyExcept(0UL) < 0, $"Page {page} is not committed and has blocks.");
                page++;
                continue;
            }

            uint end = Math.Min(NextUncommitted(page), _tables.KnownPages);
            committedPages += end - page;
            uint previous = None;
            bool previousFree = false;
            uint granule = page << PageShift;
            while (granule < end << PageShift)
            {
                ulong* line = LineOf(granule, out uint word, out int bit);
                bool starts = (line[word] >> bit & 1) != 0;
                bool free = (line[word + 4] >> bit & 1) != 0;
                uint length = starts ? LengthOf(granule) : 0;
                if (!starts || length == 0 || length > (end << PageShift) - granule)
                {
                    violations.Add($"At granule {granule} a block was expected to start and to end before granule {end << PageShift}, found {(starts ? $"one of {length} granules" : "none")}.");
                    break;
                }

                blocks++;
                live += free ? 0 : 1;
                liveGranules += free ? 0 : length;
                Expect(violations, (line[word + 4] & ~line[word]) == 0, $"Page {granule >> PageShift} has a free bit where no block starts.");
                Expect(violations, PreviousOf(granule) == previous, $"The block at granule {granule} takes {(int)PreviousOf(granule)} for its predecessor, which is {(int)previous}.");
                Expect(violations, !free || !previousFree, $"The free blocks at granules {(int)previous} and {granule} are neighbours and not one block.");
                if (free)
                {
                    CheckFree(violations, granule, length, ref large, ref idle, ref cutFound);
                }

                previous = granule;
                previousFree = free;
                granule += length;
            }

            page = end;
        }

        for (uint marked = NextMarked(0); marked != None; marked = NextMarked(marked + 1))
        {
            Expect(violations, IsMarkedLive(marked), $"Granule {marked} is marked as freed without the lock, and no block starts there that could be.");
        }

        Expect(violations, live == _state.Allocations - _state.Frees, $"{live:N0} blocks are live, the counters say {_state.Allocations - _state.Frees:N0}.");
        Expect(violations, liveGranules == _state.LiveGranules, $"{liveGranules:N0} granules are live, the counter says {_state.LiveGranules:N0}.");
        Expect(violations, _tables.KnownPages == 0 || _tables.Tree.Count(large) == large, $"{large:N0} free blocks are large, the tree has another number.");
        Expect(violations, idle == _state.IdlePages, $"{idle:N0} pages are free as a whole, the counter says {_state.IdlePages:N0}.");
        Expect(violations, cutFound, $"The block to cut from, granule {_state.Cut}, is no free block of {_state.CutLength} granules.");
        long committed = committedPages << (PageShift + GranuleShift);
        Expect(violations, committed == _memory.CommittedBytes, $"The pages committed have {committed:N0} bytes, the reservation counts {_memory.CommittedBytes:N0}.");
        return blocks;
    }

    private uint NextMarked(uint from) => _elsewhere is null ? None : _elsewhere.NextMarked(from, _knownGranules);

    private static void Expect(List<string> violations, bool holds, string violation)
    {
        if (!holds)
        {
            violations.Add(violation);
        }
    }

    private void CheckFree(List<string> violations, uint start, uint length, ref long large, ref long idle, ref bool cutFound)
    {
        if (start == _state.Cut)
        {
            cutFound = length == _state.CutLength;
            return;
        }

        idle += length >= PageGranules ? WholePages(start, length) : 0;
        if (length > SizeBuckets.LargestGranules)
        {
            large++;
            Expect(violations, _tables.Tree.Contains(start, length), $"The free block of {length} granules at granule {start} is not in the tree.");
        }
        else
        {
            Expect(violations, _tables.HasHint(SizeBuckets.Of(length), start >> SliceShift), $"The free block of {length} granules at granule {start} is in no bucket.");
        }
    }
}

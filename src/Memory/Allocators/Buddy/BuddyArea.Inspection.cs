using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>Looking at an area: what an address is, what is live, what is free, and whether all of it fits together.</summary>
internal sealed unsafe partial class BuddyArea
{
    /// <summary>What an address is that is no live block: its fault, the block concerned, and that block's requested bytes (0 where they are not known any more) and owner.</summary>
    internal (MemoryFault Fault, nint Block, long RequestedBytes, OwnerId Owner) Diagnose(nint address)
    {
        long offset = address - Start;
        int pageblock = (int)(offset >> _blockShift);
        if (pageblock >= _known)
        {
            return (MemoryFault.NotABlockStart, 0, 0, default);
        }

        int granule = (int)(offset >> GranuleShift) & (_granules - 1);
        bool atGranule = (offset & ((1L << GranuleShift) - 1)) == 0;
        int first = Header(pageblock)->SpanFirst - 1;
        if (!HasTables(pageblock))
        {
            return first >= 0 ? Inside(first, 0)
                : atGranule && TryRecall(pageblock, granule, out long requested, out OwnerId owner) ? (MemoryFault.DoubleFree, address, requested, owner)
                : Unknown(pageblock, atGranule, address);
        }

        if (atGranule && Bits.Test(Freed(pageblock), granule))
        {
            return (MemoryFault.DoubleFree, address, LastRequested(pageblock, granule), OwnerAt(pageblock, granule));
        }

        // The live block it lies in, if any: the nearest one that begins before and reaches as far, or one that began pageblocks ago.
        int head = Bits.PreviousSet(Heads(pageblock), granule);
        if (head >= 0 && (Header(pageblock)->State == PageblockState.Covered || head + GranulesAt(pageblock, head) > granule))
        {
            return Inside(pageblock, head);
        }

        if (first >= 0 && (Header(pageblock)->State == PageblockState.Covered || granule < Header(first)->SpanTail))
        {
            return Inside(first, 0);
        }

        return Unknown(pageblock, atGranule, address);
    }

    /// <summary>Nothing is known of a block at an address: there never was one, unless that was forgotten.</summary>
    private (MemoryFault Fault, nint Block, long RequestedBytes, OwnerId Owner) Unknown(int pageblock, bool atGranule, nint address) =>
        atGranule && Header(pageblock)->IsForgotten != 0 ? (MemoryFault.DoubleFree, address, 0, default) : (MemoryFault.NotABlockStart, 0, 0, default);

    /// <summary>Copies live blocks, from a position on that it moves forward; fewer than there is room for means that there are no more.</summary>
    internal int CopyBlocks(ref long position, Span<BlockInfo> blocks)
    {
        int count = 0;
        while (count < blocks.Length)
        {
            int pageblock = (int)(position >> _localOrders);
            if (pageblock >= _known)
            {
                break;
            }

            int granule = HasTables(pageblock) ? Bits.NextSet(Heads(pageblock), (int)(position & (_granules - 1)), _granules) : _granules;
            if (granule == _granules)
            {
                position = (long)(pageblock + 1) << _localOrders;
                continue;
            }

            long usable = GranulesAt(pageblock, granule) << GranuleShift;
            blocks[count++] = new BlockInfo(AddressOf(pageblock, granule), usable - SlackAt(pageblock, granule), usable, OwnerAt(pageblock, granule), Age: null);
            position = ((long)pageblock << _localOrders) + granule + 1;
        }

        return count;
    }

    internal void AddExtents(List<MemoryExtent> extents, string group)
    {
        long end = (long)_known << _pagesPerBlockLog;
        for (long page = NextPage(0, end, committed: true); page < end;)
        {
            long stop = NextPage(page, end, committed: false);
            extents.Add(new MemoryExtent(Start + (nint)(page << _pageShift), (stop - page) << _pageShift, group));
            page = NextPage(stop, end, committed: true);
        }
    }

    /// <summary>Free blocks by the log2 of their size.</summary>
    internal void CountFree(Span<long> bySize)
    {
        for (int pageblock = 0; pageblock < _known; pageblock++)
        {
            for (uint orders = Header(pageblock)->Orders; orders != 0; orders &= orders - 1)
            {
                int order = BitOperations.TrailingZeroCount(orders);
                bySize[order + GranuleShift] += Bits.Count(FreeBits(pageblock, order), 0, _granules >> order);
            }
        }

        for (int order = 0; order < _wholeOrders; order++)
        {
            for (int index = _whole[order].Next(0); index >= 0; index = _whole[order].Next(index + 1))
            {
                bySize[order + _blockShift]++;
            }
        }
    }

    internal (long Pageblocks, long FreeBytes) CountKind(int kind)
    {
        long pageblocks = 0;
        long free = 0;
        for (int pageblock = 0; pageblock < _known; pageblock++)
        {
            Pageblock* header = Header(pageblock);
            if (header->State == PageblockState.Divided && header->Mobility == kind)
            {
                pageblocks++;
                free += (long)header->FreeGranules << GranuleShift;
            }
        }

        return (pageblocks, free);
    }

    internal long CommittedBytes()
    {
        long pages = 0;
        for (int pageblock = 0; pageblock < _known; pageblock++)
        {
            pages += Header(pageblock)->CommittedPages;
        }

        return pages << _pageShift;
    }

    /// <summary>Size of the largest block that could be handed out now.</summary>
    internal long LargestFreeBytes()
    {
        if (_freeWholeOrders != 0)
        {
            int longest = 0;
            for (int first = NextRun(0, out int length); first >= 0; first = NextRun(first + length, out length))
            {
                longest = Math.Max(longest, length);
            }

            return (long)Math.Min(longest, 1 << (_wholeOrders - 1)) << _blockShift;
        }

        uint orders = _dividedOrders[0] | _dividedOrders[1] | _dividedOrders[2];
        return orders == 0 ? 0 : 1L << (GranuleShift + BitOperations.Log2(orders));
    }

    /// <summary>Whether nothing is live and every free block has been merged as far as it goes: the state at the beginning.</summary>
    internal bool IsWhole()
    {
        BuddyCover cover = new(_pageblocks, _wholeOrders);
        for (int order = 0; order < _wholeOrders; order++)
        {
            int expected = cover.Count(order);
            for (int index = _whole[order].Next(0); index >= 0; index = _whole[order].Next(index + 1))
            {
                expected--;
            }

            if (expected != 0)
            {
                return false;
            }
        }

        return FreeGranules == TotalGranules;
    }

    /// <summary>Clears the record that a live block begins at an address, so that a test can see the check find it.</summary>
    internal void DamageHeadForTest(nint address)
    {
        Assume(TryLocate(address, out int pageblock, out int granule));
        Bits.Clear(Heads(pageblock), granule);
    }

    /// <summary>Marks the granule of a live block as a free block, so that a test can see the check find it.</summary>
    internal void DamageFreeListForTest(nint address)
    {
        Assume(TryLocate(address, out int pageblock, out int granule));
        AddFree(pageblock, 0, granule);
    }

    /// <summary>Marks the page of a live block as not committed, so that a test can see the check find it.</summary>
    internal void DamageCommitForTest(nint address)
    {
        Assume(TryLocate(address, out int pageblock, out int granule));
        Bits.Clear(Committed(pageblock), (granule << GranuleShift) >> _pageShift);
    }

    /// <summary>Counts a hole more than there is in the pageblock of a live block, so that a test can see the check find it.</summary>
    internal void DamageHolesForTest(nint address)
    {
        Assume(TryLocate(address, out int pageblock, out _));
        AddHole(pageblock, EndOfHole(pageblock, BeginOfHole(pageblock, _granules)) - BeginOfHole(pageblock, _granules));
    }

    private static void Assume(bool holds)
    {
        if (!holds)
        {
            throw new InvalidOperationException("The address is not a live block.");
        }
    }

    private nint AddressOf(int pageblock, int granule) => Start + (nint)(((long)pageblock << _blockShift) + ((long)granule << GranuleShift));

    private (MemoryFault Fault, nint Block, long RequestedBytes, OwnerId Owner) Inside(int pageblock, int granule) =>
        (MemoryFault.NotABlockStart, AddressOf(pageblock, granule), (GranulesAt(pageblock, granule) << GranuleShift) - SlackAt(pageblock, granule), OwnerAt(pageblock, granule));

    /// <summary>The size a freed block had, as far as nobody has written over the record: its end is still marked, and nothing else begins before that.</summary>
    private long LastRequested(int pageblock, int granule)
    {
        long granules = LastGranules(pageblock, granule);
        return granules == 0 ? 0 : (granules << GranuleShift) - SlackAt(pageblock, granule);
    }

    private long LastGranules(int pageblock, int granule)
    {
        if (granule == 0 && Header(pageblock)->Span > 0)
        {
            return SpanGranules(pageblock);
        }

        int end = Bits.NextSet(Ends(pageblock), granule, _granules);
        int next = Math.Min(Bits.NextSet(Heads(pageblock), granule + 1, _granules), Bits.NextSet(Freed(pageblock), granule + 1, _granules));
        return end == _granules || next <= end ? 0 : end - granule + 1;
    }
}

/// <summary>The blocks that cover a number of pageblocks from the first on, when all are free and merged.</summary>
internal readonly struct BuddyCover(int pageblocks, int orders)
{
    /// <summary>How many of an order there are.</summary>
    internal int Count(int order) => order == orders - 1 ? pageblocks >> order : pageblocks >> order & 1;
}

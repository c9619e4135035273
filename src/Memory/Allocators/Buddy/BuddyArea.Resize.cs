using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Making a live block shorter or longer where it is.</summary>
internal sealed unsafe partial class BuddyArea
{
    /// <summary>Gives a block another length.</summary>
    /// <param name="pageblock">Where the block begins.</param>
    /// <param name="granule">Where in the pageblock.</param>
    /// <param name="granules">Its length.</param>
    /// <param name="wanted">The length it shall have.</param>
    /// <param name="slack">Bytes of the last granule that nobody asked for.</param>
    /// <param name="behind">Where it becomes longer, what <see cref="TryFindBehind"/> has found; committed.</param>
    /// <exception cref="VirtualMemoryException">The system refused a table for where a shorter block shall end; nothing has changed.</exception>
    internal void Resize(int pageblock, int granule, long granules, long wanted, int slack, in BuddyPlace behind)
    {
        if (wanted > granules)
        {
            Lengthen(pageblock, behind, (int)(wanted - granules));
        }
        else if (wanted < granules)
        {
            if (Header(pageblock)->State == PageblockState.Covered)
            {
                ShortenSpan(pageblock, granules, wanted);
            }
            else
            {
                Bits.Clear(Ends(pageblock), granule + (int)granules - 1);
                Bits.Set(Ends(pageblock), granule + (int)wanted - 1);
                ReleaseLocal(pageblock, granule + (int)wanted, (int)(granules - wanted));
            }
        }

        FreeGranules += granules - wanted;
        RecordAt(pageblock, granule, slack, OwnerAt(pageblock, granule));
    }

    /// <summary>Looks whether a block can become longer where it is: only up to the end of the pageblock where it ends, and only if it does not end with one.</summary>
    /// <param name="pageblock">Where the block begins.</param>
    /// <param name="granule">Where in the pageblock.</param>
    /// <param name="granules">Its length.</param>
    /// <param name="wanted">The length it shall have.</param>
    /// <param name="behind">What it would take, committed or not.</param>
    internal bool TryFindBehind(int pageblock, int granule, long granules, long wanted, out BuddyPlace behind)
    {
        Pageblock* header = Header(pageblock);
        bool isSpan = header->State == PageblockState.Covered;
        int last = isSpan ? pageblock + header->Span : pageblock;
        int end = isSpan ? header->SpanTail : granule + (int)granules;
        long target = end + wanted - granules;
        behind = default;
        if (isSpan ? end == 0 || target >= _granules : target > _granules)
        {
            return false;
        }

        for (int position = end; position < target;)
        {
            int order = FreeOrderAt(last, position);
            if (order < 0)
            {
                return false;
            }

            position += 1 << order;
        }

        behind = new BuddyPlace(Header(last)->Mobility, last, 0, 0, end, Across: true);
        return true;
    }

    private void Lengthen(int pageblock, in BuddyPlace behind, int granules)
    {
        int last = behind.Pageblock;
        int end = behind.Granule;
        int target = end + granules;
        int free = EndOfHole(last, end);
        RemoveHole(last, free - end);
        AddHole(last, free - target);
        CarveAcross(behind, granules);
        Bits.ClearRange(Freed(last), end, target);
        if (last != pageblock)
        {
            Header(pageblock)->SpanTail = target;
        }
        else
        {
            Bits.ClearRange(Ends(last), end - 1, target);
            Bits.Set(Ends(last), target - 1);
        }

        UseClean(((long)last << _blockShift) + ((long)end << GranuleShift), (long)granules << GranuleShift);
    }

    /// <summary>Takes the end off a block of whole pageblocks. The pageblock where it ends from now on is divided, if it does not end with one.</summary>
    private void ShortenSpan(int first, long granules, long wanted)
    {
        int full = (int)(granules >> _localOrders);
        int tail = (int)(granules & (_granules - 1));
        int newFull = (int)(wanted >> _localOrders);
        int newTail = (int)(wanted & (_granules - 1));
        if (newFull < full && newTail > 0)
        {
            EnsureTables(first + newFull);
        }

        Header(first)->Span = newFull;
        Header(first)->SpanTail = newFull > 0 ? newTail : 0;
        if (tail > 0)
        {
            int last = first + full;
            int kept = newFull == full ? newTail : 0;
            if (kept == 0)
            {
                Header(last)->SpanFirst = 0;
            }

            if (tail > kept)
            {
                ReleaseLocal(last, kept, tail - kept);
            }
        }

        for (int covered = first + newFull; covered < first + full; covered++)
        {
            Header(covered)->SpanFirst = 0;
            CloseWhole(covered);
        }

        if (newFull < full)
        {
            int divided = newTail > 0 ? 1 : 0;
            FreeWhole(first + newFull + divided, full - newFull - divided);
            if (divided > 0)
            {
                DivideShortened(first, newFull, newTail);
            }
        }
    }

    private void DivideShortened(int first, int full, int tail)
    {
        int last = first + full;
        Pageblock* header = OpenWhole(last, PageblockState.Divided);
        header->Mobility = Header(first)->Mobility;
        header->FreeGranules = _granules - tail;
        header->SpanFirst = full > 0 ? first + 1 : 0;
        AddHole(last, _granules - tail);
        for (int position = tail; position < _granules;)
        {
            int order = LowestPiece(position, _granules - position, _localOrders - 1);
            AddFree(last, order, position >> order);
            position += 1 << order;
        }

        if (full == 0)
        {
            Bits.ClearRange(Ends(last), 0, tail);
            Bits.Set(Ends(last), tail - 1);
        }
    }
}

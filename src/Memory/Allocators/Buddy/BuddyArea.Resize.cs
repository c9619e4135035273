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
    /// <exception cref="VirtualMemoryException">The system refused a table for where the block shall end; nothing has changed.</exception>
    internal void Resize(int pageblock, int granule, long granules, long wanted, int slack, in BuddyPlace behind)
    {
        if (wanted > granules)
        {
            Lengthen(pageblock, behind, wanted - granules);
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

    /// <summary>
    /// Looks whether a block can become longer where it is: to the end of the pageblock where it ends, and on through free pageblocks if it begins with one, as every block does that is longer.
    /// </summary>
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
        bool isAcross = GoesAcross(isSpan, end, target);
        behind = default;
        if (isAcross && granule > 0)
        {
            return false;
        }

        int whole = isSpan && end == 0 ? last : last + 1;
        int needed = (int)Math.Min(target, _granules);
        if (whole > last && EndOfHole(last, end, needed) < needed)
        {
            return false;
        }

        long stop = isAcross ? last + ((target + _granules - 1) >> _localOrders) : whole;
        if (stop > _pageblocks)
        {
            return false;
        }

        for (; whole < stop; whole++)
        {
            if (whole < _known && Header(whole)->State != PageblockState.Free)
            {
                return false;
            }
        }

        behind = new BuddyPlace(header->Mobility, last, 0, 0, end, Across: true);
        return true;
    }

    /// <summary>Whether a block that shall end so far behind the beginning of the pageblock where it ends takes all of that pageblock. One that has all of its only pageblock stays a block of it.</summary>
    private bool GoesAcross(bool isSpan, int end, long target) => isSpan ? end == 0 || target >= _granules : target > _granules;

    private void Lengthen(int pageblock, in BuddyPlace behind, long granules)
    {
        int last = behind.Pageblock;
        int end = behind.Granule;
        bool isSpan = Header(pageblock)->State == PageblockState.Covered;
        if (GoesAcross(isSpan, end, end + granules))
        {
            LengthenAcross(pageblock, behind, end + granules);
        }
        else
        {
            int target = end + (int)granules;
            int free = EndOfHole(last, end);
            RemoveHole(last, free - end);
            AddHole(last, free - target);
            CarveAcross(behind, (int)granules);
            Bits.ClearRange(Freed(last), end, target);
            if (isSpan)
            {
                Header(pageblock)->SpanTail = target;
                Header(last)->IsRoomToGrow = 1;
            }
            else
            {
                Bits.ClearRange(Ends(last), end - 1, target);
                Bits.Set(Ends(last), target - 1);
            }
        }

        UseClean(((long)last << _blockShift) + ((long)end << GranuleShift), granules << GranuleShift);
    }

    /// <summary>Gives a block all of the pageblock where it ends, and the free ones behind it that it needs.</summary>
    private void LengthenAcross(int first, in BuddyPlace behind, long target)
    {
        int last = behind.Pageblock;
        int end = behind.Granule;
        int covered = last + (int)(target >> _localOrders);
        int tail = (int)(target & (_granules - 1));
        if (tail > 0)
        {
            EnsureTables(covered);
        }

        int whole = last;
        if (end > 0)
        {
            RemoveHole(last, _granules - end);
            CarveAcross(behind, _granules - end);
            Bits.Clear(Ends(last), end - 1);
            Header(last)->State = PageblockState.Covered;
            whole++;
        }

        TakeRun(whole, covered + (tail > 0 ? 1 : 0) - whole);
        for (; whole < covered; whole++)
        {
            OpenWhole(whole, PageblockState.Covered);
        }

        for (int pageblock = last; pageblock < covered; pageblock++)
        {
            Cover(pageblock, first, Header(first)->Mobility);
        }

        if (tail > 0)
        {
            OpenTail(covered, tail, Header(first)->Mobility, first + 1);
            Header(covered)->IsRoomToGrow = 1;
        }

        Header(first)->Span = covered - first;
        Header(first)->SpanTail = tail;
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
        OpenTail(last, tail, Header(first)->Mobility, full > 0 ? first + 1 : 0);
        if (full == 0)
        {
            Bits.ClearRange(Ends(last), 0, tail);
            Bits.Set(Ends(last), tail - 1);
        }
    }
}

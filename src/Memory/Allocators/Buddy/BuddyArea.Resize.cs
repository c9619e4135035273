using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Making a live block shorter or longer where it is.</summary>
internal sealed unsafe partial class BuddyArea
{
    /// <summary>Gives a block another length: a shorter one always, a longer one when what is behind it in its pageblock is free and committed. False when that is not so, and nothing has changed then.</summary>
    /// <exception cref="VirtualMemoryException">The system refused a table; nothing has changed.</exception>
    internal bool TryResize(int pageblock, int granule, long granules, long wanted, int slack)
    {
        if (Header(pageblock)->State == PageblockState.Covered)
        {
            if (wanted > granules)
            {
                return false;
            }

            if (wanted < granules)
            {
                ShortenSpan(pageblock, granules, wanted);
            }
        }
        else if (wanted > granules)
        {
            if (!TryLengthen(pageblock, granule, (int)granules, wanted))
            {
                return false;
            }
        }
        else if (wanted < granules)
        {
            Bits.Clear(Ends(pageblock), granule + (int)granules - 1);
            Bits.Set(Ends(pageblock), granule + (int)wanted - 1);
            ReleaseLocal(pageblock, granule + (int)wanted, (int)(granules - wanted));
        }

        FreeGranules += granules - wanted;
        RecordAt(pageblock, granule, slack, OwnerAt(pageblock, granule));
        return true;
    }

    private bool TryLengthen(int pageblock, int granule, int granules, long wanted)
    {
        if (granule + wanted > _granules)
        {
            return false;
        }

        int end = granule + granules;
        int target = granule + (int)wanted;
        for (int position = end; position < target;)
        {
            int order = FreeOrderAt(pageblock, position);
            if (order < 0)
            {
                return false;
            }

            position += 1 << order;
        }

        BuddyPlace rest = new(Header(pageblock)->Mobility, pageblock, 0, 0, end, Across: true);
        if (UncommittedBytes(rest, target - end) != 0)
        {
            return false;
        }

        int behind = EndOfHole(pageblock, end);
        RemoveHole(pageblock, behind - end);
        AddHole(pageblock, behind - target);
        CarveAcross(rest, target - end);
        Bits.ClearRange(Freed(pageblock), end, target);
        Bits.ClearRange(Ends(pageblock), end - 1, target);
        Bits.Set(Ends(pageblock), target - 1);
        UseClean(((long)pageblock << _blockShift) + ((long)end << GranuleShift), (long)(target - end) << GranuleShift);
        return true;
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

using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Which pages are committed: charging, committing and finding.</summary>
internal sealed unsafe partial class BuddyArea
{
    /// <summary>Bytes that must be committed before a cut at a place can be handed out.</summary>
    internal long UncommittedBytes(in BuddyPlace place, long granules)
    {
        (long first, long end) = PagesAt(place, granules);
        return CountUncommitted(first, end) << _pageShift;
    }

    /// <summary>Bytes that would be committed with read-ahead: everything in the windows of <paramref name="window"/> bytes that the cut touches, as far as its pageblocks go.</summary>
    internal long UncommittedBytesAhead(in BuddyPlace place, long granules, long window)
    {
        (long first, long end) = Widen(PagesAt(place, granules), window);
        return CountUncommitted(first, end) << _pageShift;
    }

    /// <summary>Commits the pages of a cut, with those around it when the charge covers them too.</summary>
    /// <param name="place">Where.</param>
    /// <param name="granules">How much.</param>
    /// <param name="window">Read-ahead.</param>
    /// <param name="charged">Bytes charged for it; what is committed is taken off, also when the system refuses half-way.</param>
    /// <exception cref="VirtualMemoryException">The system refused. What was committed stays committed and is free.</exception>
    internal void Commit(in BuddyPlace place, long granules, long window, ref long charged)
    {
        (long first, long end) = PagesAt(place, granules);
        (long wideFirst, long wideEnd) = Widen((first, end), window);
        if (CountUncommitted(wideFirst, wideEnd) << _pageShift <= charged)
        {
            (first, end) = (wideFirst, wideEnd);
        }

        EnsureHeaders((int)((end - 1) >> _pagesPerBlockLog));
        for (long page = NextPage(first, end, committed: false); page < end;)
        {
            long stop = NextPage(page, end, committed: true);
            long bytes = (stop - page) << _pageShift;
            _memory.Commit(Start + (nint)(page << _pageShift), bytes);
            charged -= bytes;
            MarkCommitted(page, stop);
            page = NextPage(stop, end, committed: false);
        }
    }

    /// <summary>Finds a free block that is committed already, wherever it is. As long as the tables are, so for when nothing may be committed.</summary>
    internal bool TryFindCommitted(in BuddyRequest request, out BuddyPlace place)
    {
        Settle();
        if (request.Order < _localOrders)
        {
            ReadOnlySpan<sbyte> others = s_fallbacks[request.Mobility];
            for (int turn = 0; turn < Kinds; turn++)
            {
                int kind = turn == 0 ? request.Mobility : others[turn - 1];
                for (int order = request.Order; order < _localOrders; order++)
                {
                    BitTree pageblocks = _divided[(kind * _localOrders) + order];
                    for (int pageblock = pageblocks.Next(0); pageblock >= 0; pageblock = pageblocks.Next(pageblock + 1))
                    {
                        if (TryFindCommittedIn(pageblock, kind, order, request, out place))
                        {
                            return true;
                        }
                    }
                }
            }
        }

        int least = Math.Max(0, request.Order - _localOrders);
        for (int order = least; order < _wholeOrders; order++)
        {
            for (int index = _whole[order].Next(0); index >= 0; index = _whole[order].Next(index + 1))
            {
                int end = (index + 1) << order;
                for (int pageblock = index << order; pageblock < end; pageblock += 1 << least)
                {
                    if (pageblock >= _known || Header(pageblock)->CommittedPages == 0)
                    {
                        continue;
                    }

                    if (TryFindCommittedFrom(-1, pageblock, 0, 0, 0, request.Order < _localOrders ? _granules : 1, request, out place))
                    {
                        return true;
                    }
                }
            }
        }

        place = default;
        return false;
    }

    /// <summary>Bytes of committed pages that somebody has used since they were committed: about what is resident.</summary>
    internal long UsedBytes => _usedPages << _pageShift;

    /// <summary>Pages that ever came to be counted in <see cref="UsedBytes"/>.</summary>
    internal long TakenPages { get; private set; }

    /// <summary>Committed bytes in free pageblocks.</summary>
    internal long IdleWholeBytes => _idleWholePages << _pageShift;

    /// <summary>The first page from one on that is committed, or not; <paramref name="end"/> when there is none before. By number in the area.</summary>
    internal long NextPage(long page, long end, bool committed)
    {
        while (page < end)
        {
            int pageblock = (int)(page >> _pagesPerBlockLog);
            long blockStart = (long)pageblock << _pagesPerBlockLog;
            long blockEnd = blockStart + (1L << _pagesPerBlockLog);
            if (pageblock >= _known)
            {
                return committed ? end : page;
            }

            int from = (int)(page - blockStart);
            int to = (int)(Math.Min(end, blockEnd) - blockStart);
            int found = committed ? Bits.NextSet(Committed(pageblock), from, to) : Bits.NextClear(Committed(pageblock), from, to);
            if (found < to)
            {
                return blockStart + found;
            }

            page = blockEnd;
        }

        return end;
    }

    /// <summary>Notes committed pages that come to or leave a free pageblock.</summary>
    private void CountIdle(int pageblock, int pages)
    {
        _idleWholePages += pages;
        if (Header(pageblock)->State == PageblockState.Free && Header(pageblock)->CommittedPages > 0)
        {
            _idleWhole.Add(pageblock);
        }
        else
        {
            _idleWhole.Remove(pageblock);
        }
    }

    private (long First, long End) PagesAt(in BuddyPlace place, long granules)
    {
        long offset = ((long)place.Pageblock << _blockShift) + ((long)place.Granule << GranuleShift);
        return (offset >> _pageShift, PagesOf(offset + (granules << GranuleShift)));
    }

    private (long First, long End) Widen((long First, long End) pages, long window)
    {
        long mask = Math.Min(Math.Max(1, window >> _pageShift), 1L << _pagesPerBlockLog) - 1;
        return (pages.First & ~mask, (pages.End + mask) & ~mask);
    }

    private long CountUncommitted(long first, long end)
    {
        long count = 0;
        while (first < end)
        {
            int pageblock = (int)(first >> _pagesPerBlockLog);
            long blockStart = (long)pageblock << _pagesPerBlockLog;
            long stop = Math.Min(end, blockStart + (1L << _pagesPerBlockLog));
            if (pageblock >= _known)
            {
                return count + end - first;
            }

            count += stop - first - Bits.Count(Committed(pageblock), (int)(first - blockStart), (int)(stop - blockStart));
            first = stop;
        }

        return count;
    }

    private void MarkCommitted(long first, long end)
    {
        while (first < end)
        {
            int pageblock = (int)(first >> _pagesPerBlockLog);
            long blockStart = (long)pageblock << _pagesPerBlockLog;
            long stop = Math.Min(end, blockStart + (1L << _pagesPerBlockLog));
            Bits.SetRange(Committed(pageblock), (int)(first - blockStart), (int)(stop - blockStart));
            Bits.SetRange(Clean(pageblock), (int)(first - blockStart), (int)(stop - blockStart));
            Header(pageblock)->CommittedPages += (int)(stop - first);
            if (Header(pageblock)->State == PageblockState.Free)
            {
                CountIdle(pageblock, (int)(stop - first));
            }

            first = stop;
        }
    }

    /// <summary>Notes that the pages of a block are in use, and says which were not.</summary>
    private CleanRun UseClean(long offset, long bytes)
    {
        long first = offset >> _pageShift;
        long end = PagesOf(offset + bytes);
        (long First, long End) run = (first, first);
        (long First, long End) longest = run;
        while (first < end)
        {
            int pageblock = (int)(first >> _pagesPerBlockLog);
            long blockStart = (long)pageblock << _pagesPerBlockLog;
            int to = (int)(Math.Min(end, blockStart + (1L << _pagesPerBlockLog)) - blockStart);
            int from = (int)(first - blockStart);
            ulong* pages = Clean(pageblock);
            for (int page = Bits.NextSet(pages, from, to); page < to;)
            {
                int stop = Bits.NextClear(pages, page, to);
                run = (run.End == blockStart + page ? run.First : blockStart + page, blockStart + stop);
                longest = run.End - run.First > longest.End - longest.First ? run : longest;
                _usedPages += stop - page;
                TakenPages += stop - page;
                page = Bits.NextSet(pages, stop, to);
            }

            Bits.ClearRange(pages, from, to);
            first = blockStart + to;
        }

        long start = Math.Max(0, (longest.First << _pageShift) - offset);
        return new CleanRun((nuint)start, (nuint)Math.Max(start, Math.Min(bytes, (longest.End << _pageShift) - offset)));
    }

    private bool TryFindCommittedIn(int pageblock, int kind, int order, in BuddyRequest request, out BuddyPlace place)
    {
        ulong* free = FreeBits(pageblock, order);
        int count = _granules >> order;
        for (int index = Bits.NextSet(free, 0, count); index < count; index = Bits.NextSet(free, index + 1, count))
        {
            if (TryFindCommittedFrom(kind, pageblock, order, index, index << order, (index + 1) << order, request, out place))
            {
                return true;
            }
        }

        place = default;
        return false;
    }

    /// <summary>Tries every cut between two granules of a free block, a page apart at least: within a page all are committed or none.</summary>
    private bool TryFindCommittedFrom(int kind, int pageblock, int order, int index, int from, int to, in BuddyRequest request, out BuddyPlace place)
    {
        int step = Math.Max(1 << Math.Min(request.Order, _localOrders), 1 << Math.Max(0, _pageShift - GranuleShift));
        for (int granule = from; granule < to; granule += step)
        {
            place = new BuddyPlace(kind, pageblock, order, index, granule);
            if (UncommittedBytes(place, request.Granules) == 0)
            {
                return true;
            }
        }

        place = default;
        return false;
    }
}

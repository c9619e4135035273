using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Where the heap's memory comes from and goes to: whole pages, committed and given back wherever they lie.</summary>
internal sealed unsafe partial class SegregatedHeap
{
    // Small enough that an almost empty heap stays small, and a growing one asks the system once in some hundred requests.
    private const long LeastGrowthBytes = 256 << 10;
    private const long MostGrowthBytes = 4 << 20;

    // What the operating system commits and gives back: a page of its own, which may be larger than ours.
    private readonly int _unitShift;

    /// <summary>Bytes of free blocks that <see cref="ReturnIdlePages"/> would give back.</summary>
    internal long IdleBytes => (_state.IdlePages + (_state.CutLength >= PageGranules ? WholePages(_state.Cut, _state.CutLength) : 0)) << (PageShift + GranuleShift);

    /// <summary>
    /// Finds out which pages would have to be committed so that a request fits: a run of pages that are not, as long as a growth step where there is one, else the first that suffices
    /// together with the free blocks around it.
    /// </summary>
    /// <param name="granules">The request.</param>
    /// <param name="frugal">Commit what the request needs and no more.</param>
    /// <param name="firstPage">First page of the range.</param>
    /// <param name="endPage">Page behind the range. Pages in the range that are committed already stay as they are.</param>
    /// <returns>Bytes to commit; 0 when no range of the heap suffices.</returns>
    internal long PlanGrowth(ulong granules, bool frugal, out uint firstPage, out uint endPage)
    {
        ulong needed = (granules + PageMask) >> PageShift;
        ulong unitPages = 1UL << (_unitShift - PageShift);
        needed = (needed + unitPages - 1) & ~(unitPages - 1);
        long step = Math.Clamp(_memory.CommittedBytes / 8, LeastGrowthBytes, MostGrowthBytes) >> (PageShift + GranuleShift);
        ulong wanted = frugal ? needed : Math.Max(needed, (ulong)step);
        if (needed <= _tables.Pages && TryFindHole((uint)Math.Min(wanted, _tables.Pages), (uint)needed, out firstPage, out endPage))
        {
            return (long)(endPage - firstPage) << (PageShift + GranuleShift);
        }

        MergeDeferred();
        return PlanAmongFreeBlocks(granules, out firstPage, out endPage);
    }

    /// <summary>Commits the pages of a plan that are not committed, and adds them to the free blocks. The plan must have been made under the same hold of the lock.</summary>
    /// <exception cref="VirtualMemoryException">The system refused. What was committed before the refusal is part of the heap.</exception>
    /// <returns>Bytes committed.</returns>
    internal long Grow(uint firstPage, uint endPage, ref long committed)
    {
        _tables.Know(endPage);
        _spans = _tables.Spans;
        LastLives.TryGrow(LastLivesLogFor(_tables.KnownPages));
        _elsewhere?.Know((long)_tables.KnownPages << PageShift);
        _knownGranules = _tables.KnownPages << PageShift;
        for (uint page = firstPage; page < endPage;)
        {
            if (_tables.IsCommitted(page))
            {
                page++;
                continue;
            }

            uint end = page + 1;
            while (end < endPage && !_tables.IsCommitted(end))
            {
                end++;
            }

            long bytes = (long)(end - page) << (PageShift + GranuleShift);
            _memory.Commit(AddressOf(page << PageShift), bytes);
            committed += bytes;
            for (uint p = page; p < end; p++)
            {
                _tables.SetCommitted(p, true);
            }

            MarkFree(page << PageShift);
            Merge(page << PageShift, (end - page) << PageShift);
            page = end;
        }

        return committed;
    }

    /// <summary>
    /// Gives whole free pages back to the system, the highest addresses first, until no more than <paramref name="keepBytes"/> of them are left, and the tables of those that are gone.
    /// </summary>
    /// <returns>Bytes given back, tables not counted.</returns>
    internal long ReturnIdlePages(long keepBytes)
    {
        long returned = ReturnPages(keepBytes);
        if (returned > 0)
        {
            _tables.GiveBackEmptied();
        }

        return returned;
    }

    /// <summary>Frees every block. What is committed stays so.</summary>
    internal void FreeAll()
    {
        _elsewhere?.Clear();
        LastLives.Clear();
        _deferred.Clear();
        _state.Cut = None;
        _state.CutLength = 0;
        _state.IdlePages = 0;
        _state.Frees = _state.Allocations;
        _state.LiveGranules = 0;
        _tables.Clear();
        uint pages = _tables.KnownPages;
        for (uint page = 0; page < pages;)
        {
            uint end = page;
            while (end < pages && _tables.IsCommitted(end))
            {
                end++;
            }

            if (end > page)
            {
                MarkFree(page << PageShift);
                SetSpan(page << PageShift, (end - page) << PageShift);
                Remember(page << PageShift, (end - page) << PageShift);
            }

            page = end + 1;
        }
    }

    private long ReturnPages(long keepBytes)
    {
        MergeDeferred();
        long returned = 0;
        for (uint page = _tables.KnownPages; page-- > 0 && IdleBytes > keepBytes;)
        {
            // A free block with a whole page in it is the last that starts in its own page.
            ulong* line = _lines + ((nuint)page * 8);
            uint word = 3;
            while (word > 0 && line[word] == 0)
            {
                word--;
            }

            if (line[word] == 0 || (line[word + 4] >> BitOperations.Log2(line[word]) & 1) == 0 || _spans[page].Length < PageGranules)
            {
                continue;
            }

            uint start = (page << PageShift) + (word << 6) + (uint)BitOperations.Log2(line[word]);
            long excess = (IdleBytes - keepBytes) >> (PageShift + GranuleShift);
            long bytes = ReturnPagesOf(start, _spans[page].Length, excess);
            if (bytes < 0)
            {
                return returned;
            }

            returned += bytes;
        }

        return returned;
    }

    private long WholePages(uint start, uint length)
    {
        long first = (start + (1L << _unitShift) - 1) >> _unitShift;
        long end = (start + (long)length) >> _unitShift;
        return Math.Max(0, end - first) << (_unitShift - PageShift);
    }

    /// <summary>The lowest run of uncommitted pages of the wanted length, else the longest of at least the needed one.</summary>
    private bool TryFindHole(uint wanted, uint needed, out uint firstPage, out uint endPage)
    {
        firstPage = 0;
        endPage = 0;
        for (uint page = NextUncommitted(0); page < _tables.Pages;)
        {
            uint end = NextCommitted(page, Math.Min(_tables.Pages, page + wanted));
            if (end - page > endPage - firstPage)
            {
                firstPage = page;
                endPage = end;
            }

            if (end - page >= wanted)
            {
                return true;
            }

            page = NextUncommitted(end);
        }

        return endPage - firstPage >= needed && endPage != 0;
    }

    /// <summary>Looks for holes and free blocks that lie side by side and suffice together.</summary>
    private long PlanAmongFreeBlocks(ulong granules, out uint firstPage, out uint endPage)
    {
        ulong rangeStart = 0;
        ulong rangeEnd = 0;
        long uncommitted = 0;
        firstPage = 0;
        endPage = 0;
        for (uint page = NextUncommitted(0); page < _tables.Pages; page = NextUncommitted(endPage))
        {
            endPage = NextCommitted(page, _tables.Pages);
            ulong start = (ulong)page << PageShift;
            uint before = start <= _knownGranules ? PreviousOf((uint)start) : None;
            if (before != None && IsFree(before))
            {
                start = before;
            }

            if (start > rangeEnd || rangeEnd == 0)
            {
                rangeStart = start;
                firstPage = page;
                uncommitted = 0;
            }

            uncommitted += endPage - page;
            rangeEnd = (ulong)endPage << PageShift;
            if (rangeEnd < _knownGranules && IsFree((uint)rangeEnd))
            {
                rangeEnd += LengthOf((uint)rangeEnd);
            }

            if (rangeEnd - rangeStart >= granules)
            {
                return uncommitted << (PageShift + GranuleShift);
            }
        }

        return 0;
    }

    private bool IsFree(uint start)
    {
        ulong* line = LineOf(start, out uint word, out int bit);
        return (line[word + 4] >> bit & 1) != 0;
    }

    // Pages that are not known are not committed, and there is no bit for them.
    private uint NextUncommitted(uint page)
    {
        while (page < _tables.KnownPages)
        {
            ulong holes = ~_tables.CommittedPages[page >> 6] >> (int)(page & 63);
            if (holes != 0)
            {
                return Math.Min(_tables.Pages, page + (uint)BitOperations.TrailingZeroCount(holes));
            }

            page = (page | 63) + 1;
        }

        return Math.Min(_tables.Pages, page);
    }

    private uint NextCommitted(uint page, uint limit)
    {
        uint end = Math.Min(limit, _tables.KnownPages);
        while (page < end)
        {
            ulong committed = _tables.CommittedPages[page >> 6] >> (int)(page & 63);
            if (committed != 0)
            {
                return Math.Min(limit, page + (uint)BitOperations.TrailingZeroCount(committed));
            }

            page = (page | 63) + 1;
        }

        return limit;
    }

    /// <summary>Gives back the last whole pages of a free block, at most so many. What stays of it is one free block or two.</summary>
    /// <returns>Bytes given back; −1 when the system refused.</returns>
    private long ReturnPagesOf(uint start, uint length, long mostPages)
    {
        uint unit = 1u << _unitShift;
        uint end = start + length;
        uint holeEnd = end / unit * unit;
        uint holeStart = (start + unit - 1) / unit * unit;
        if (holeEnd <= holeStart)
        {
            return 0;
        }

        long most = Math.Max(unit, (mostPages << PageShift) / unit * unit);
        if (holeEnd - holeStart > most)
        {
            holeStart = holeEnd - (uint)most;
        }

        long bytes = (long)(holeEnd - holeStart) << GranuleShift;
        if (!_memory.TryDecommit(AddressOf(holeStart), bytes))
        {
            return -1;
        }

        ForgetOrCut(start, length);
        if (holeStart > start)
        {
            SetSpan(start, holeStart - start);
            Remember(start, holeStart - start);
        }
        else
        {
            ulong* line = LineOf(start, out uint word, out int bit);
            line[word] &= ~(1UL << bit);
            line[word + 4] &= ~(1UL << bit);
        }

        for (uint page = holeStart >> PageShift; page < holeEnd >> PageShift; page++)
        {
            _tables.SetCommitted(page, false);
            _spans[page] = default;
        }

        if (end > holeEnd)
        {
            MarkFree(holeEnd);
            SetSpan(holeEnd, end - holeEnd);
            Remember(holeEnd, end - holeEnd);
        }

        return bytes;
    }
}

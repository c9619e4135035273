using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Giving pages back that hold no block.</summary>
internal sealed unsafe partial class BuddyArea
{
    /// <summary>Gives the free committed pages of one pageblock back.</summary>
    /// <param name="pageblock">Which.</param>
    /// <param name="most">The most to give back at once, in bytes.</param>
    /// <returns>Bytes given back.</returns>
    internal long Trim(int pageblock, long most)
    {
        int calls = int.MaxValue;
        return Trim(pageblock, most, ref calls, usedOnly: false);
    }

    /// <inheritdoc cref="Trim(int, long)"/>
    /// <param name="pageblock">Which.</param>
    /// <param name="most">The most to give back at once, in bytes.</param>
    /// <param name="calls">How many calls of the system are allowed; less what was called, afterwards.</param>
    /// <param name="usedOnly">Whether pages stay that nobody has written to since they were committed: they take no memory.</param>
    internal long Trim(int pageblock, long most, ref int calls, bool usedOnly)
    {
        if (pageblock >= _known || Header(pageblock)->CommittedPages == 0)
        {
            return 0;
        }

        ulong* idle = stackalloc ulong[_pageWords];
        FindIdle(pageblock, idle);
        for (int i = 0; usedOnly && i < _pageWords; i++)
        {
            idle[i] &= ~Clean(pageblock)[i];
        }

        long returned = 0;
        int pages = 1 << _pagesPerBlockLog;
        for (int page = Bits.NextSet(idle, 0, pages); page < pages && calls > 0 && most - returned >= VirtualMemory.PageSize;)
        {
            int stop = Bits.NextClear(idle, page, Math.Min(pages, page + (int)Math.Min(pages, (most - returned) >> _pageShift)));
            long bytes = (long)(stop - page) << _pageShift;
            calls--;
            if (_memory.TryDecommit(Start + (nint)(((long)pageblock << _blockShift) + ((long)page << _pageShift)), bytes))
            {
                MarkDecommitted(pageblock, page, stop);
                returned += bytes;
            }

            page = Bits.NextSet(idle, stop, pages);
        }

        return returned;
    }

    /// <summary>
    /// Gives memory of free pageblocks back, the highest first, because low addresses are handed out first. Side by side they go by one call: a block of some hundred MiB has as many of them, and
    /// a call each was most of what its free cost.
    /// </summary>
    internal long TrimWhole(long most)
    {
        long returned = 0;
        while (most - returned >= VirtualMemory.PageSize && !_idleWhole.IsEmpty)
        {
            int last = _idleWhole.Last();
            int first = FirstOfIdleRun(last, most - returned);
            long step = first < last ? TrimRun(first, last + 1) : Trim(last, most - returned);
            if (step == 0)
            {
                break; // The system refuses to split mappings any further.
            }

            returned += step;
        }

        return returned;
    }

    /// <summary>Committed bytes of one pageblock in pages that hold no block.</summary>
    internal long IdleBytes(int pageblock)
    {
        if (Header(pageblock)->CommittedPages == 0)
        {
            return 0;
        }

        ulong* idle = stackalloc ulong[_pageWords];
        FindIdle(pageblock, idle);
        return (long)Bits.Count(idle, 0, 1 << _pagesPerBlockLog) << _pageShift;
    }

    /// <summary>Where the free pageblocks begin that are committed as a whole and lie side by side, up to one, and have no more bytes than are to go; behind it when it is none itself.</summary>
    private int FirstOfIdleRun(int last, long most)
    {
        int first = last + 1;
        while (first > 0 && (long)(last - first + 2) << _blockShift <= most && _idleWhole.Contains(first - 1) && Header(first - 1)->CommittedPages == 1 << _pagesPerBlockLog)
        {
            first--;
        }

        return first;
    }

    /// <summary>Gives free pageblocks back that are committed as a whole.</summary>
    private long TrimRun(int first, int end)
    {
        long bytes = (long)(end - first) << _blockShift;
        if (!_memory.TryDecommit(Start + (nint)((long)first << _blockShift), bytes))
        {
            return 0;
        }

        for (int pageblock = first; pageblock < end; pageblock++)
        {
            MarkDecommitted(pageblock, 0, 1 << _pagesPerBlockLog);
        }

        return bytes;
    }

    /// <summary>Notes that pages of a pageblock went back.</summary>
    private void MarkDecommitted(int pageblock, int page, int end)
    {
        Pageblock* header = Header(pageblock);
        _usedPages -= end - page - Bits.Count(Clean(pageblock), page, end);
        Bits.ClearRange(Committed(pageblock), page, end);
        Bits.ClearRange(Clean(pageblock), page, end);
        header->CommittedPages -= end - page;
        if (header->State == PageblockState.Free)
        {
            CountIdle(pageblock, page - end);
        }
    }

    /// <summary>Marks the pages of a pageblock that are committed and hold no block. Two free halves of a page are one free block, so a free page is inside one.</summary>
    private void FindIdle(int pageblock, ulong* idle)
    {
        Pageblock* header = Header(pageblock);
        new Span<ulong>(idle, _pageWords).Clear();
        if (header->State == PageblockState.Covered)
        {
            return;
        }

        if (header->State == PageblockState.Free)
        {
            new Span<ulong>(Committed(pageblock), _pageWords).CopyTo(new Span<ulong>(idle, _pageWords));
            return;
        }

        for (uint orders = header->Orders; orders != 0; orders &= orders - 1)
        {
            int order = BitOperations.TrailingZeroCount(orders);
            int pageOrder = order + GranuleShift - _pageShift;
            if (pageOrder < 0)
            {
                continue;
            }

            ulong* free = FreeBits(pageblock, order);
            int count = _granules >> order;
            for (int index = Bits.NextSet(free, 0, count); index < count; index = Bits.NextSet(free, index + 1, count))
            {
                Bits.SetRange(idle, index << pageOrder, (index + 1) << pageOrder);
            }
        }

        for (int word = 0; word < _pageWords; word++)
        {
            idle[word] &= Committed(pageblock)[word];
        }
    }
}

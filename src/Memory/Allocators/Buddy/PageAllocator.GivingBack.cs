using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Giving free pages back while other pages are taken: <see cref="GivingBackRule"/>.</summary>
public abstract unsafe partial class PageAllocator
{
    // Where pages were looked for last that may go back.
    private int _sweptArea;
    private int _sweptPageblock;

    // Pages that were taken again soon after a free gave them back.
    private long _againPages;

    /// <summary>
    /// Pages that were taken from the system so far, by the first use after they were committed; without those that a free gave back a moment before: to give others back for them, and so on, would make three
    /// times as much of a program's ups and downs. Any thread; a moment old.
    /// </summary>
    internal long TakenPages => Sum(static area => area.TakenPages) - Volatile.Read(ref _againPages);

    /// <summary>About how many bytes are resident. Any thread; a moment old.</summary>
    internal long UsedBytes => Sum(static area => area.UsedBytes);

    /// <summary>Gives free pages back that somebody has written to, looking on where the last call has stopped. Takes the lock.</summary>
    /// <param name="most">The most bytes.</param>
    /// <param name="calls">The most calls of the system, and pageblocks to look at.</param>
    /// <param name="returned">Bytes given back, also when a handler of the budget's events throws.</param>
    internal void GiveBackUsed(long most, int calls, out long returned)
    {
        returned = 0;
        EnterLock();
        foreach (BuddyArea area in _areas)
        {
            area.SettleUnasked();
        }

        for (int looks = calls; looks > 0 && calls > 0 && most - returned >= VirtualMemory.PageSize; looks--)
        {
            // From the highest down, because low addresses are handed out first.
            if (--_sweptPageblock < 0)
            {
                _sweptArea = (_sweptArea + 1) % _areas.Length;
                _sweptPageblock = _areas[_sweptArea].KnownPageblocks - 1;
            }

            if (_sweptPageblock >= 0)
            {
                returned += _areas[_sweptArea].Trim(_sweptPageblock, most - returned, ref calls, usedOnly: true);
            }
        }

        ExitLock();
        _memory.Refund(returned);
    }

    /// <summary>Gives back what the rule allows, after a block was allocated; when a handler of the budget's events throws, the block is not handed out.</summary>
    private void GiveBackWhileGrowing(nint block)
    {
        EnterLock();
        long allowance = _givingBack.HandOver();
        ExitLock();
        long given = 0;
        try
        {
            GiveBackUsed(allowance, CallsWhileGrowing, out given);
        }
        catch
        {
            Free(block);
            throw;
        }
        finally
        {
            EnterLock();
            _givingBack.Given(given - allowance);
            ExitLock();
        }
    }

    // Not by LINQ, which makes an enumerator each time: every large allocation asks.
    private long Sum(Func<BuddyArea, long> of)
    {
        long sum = 0;
        foreach (BuddyArea area in _areas)
        {
            sum += of(area);
        }

        return sum;
    }

    /// <summary>Notes pages that were taken from the system. Under the lock.</summary>
    /// <param name="pages">How many.</param>
    /// <param name="again">How many of them a free gave back a moment before.</param>
    private void NotePagesLocked(long pages, long again)
    {
        Volatile.Write(ref _againPages, _againPages + again);
        if (pages > again && !_options.IsPart && !_options.GivesBackAtOnce)
        {
            _givingBack.Taken((pages - again) * VirtualMemory.PageSize, UsedBytes);
        }
    }
}

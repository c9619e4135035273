using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Making a live block longer or shorter where it is.</summary>
public abstract unsafe partial class PageAllocator
{
    internal bool TryResize(nint address, nuint size)
    {
        if (size > (nuint)MaxBlockBytes)
        {
            return false;
        }

        long charged = 0;
        try
        {
            while (true)
            {
                bool isDone = TryResize(address, size, ref charged, out long wanted, out long needed);
                if (isDone || wanted == 0)
                {
                    RaiseEvents();
                    return isDone;
                }

                Recharge(ref charged, wanted, needed);
                if (charged == 0)
                {
                    return false;
                }
            }
        }
        finally
        {
            _memory.Refund(charged);
        }
    }

    /// <summary>Resizes where the memory is committed, or where what is charged suffices to commit it.</summary>
    /// <param name="address">The block.</param>
    /// <param name="size">Bytes that it shall have.</param>
    /// <param name="charged">Bytes charged; what is committed is taken off.</param>
    /// <param name="wanted">How many bytes to charge to try again; 0 where that would not help.</param>
    /// <param name="needed">How many of them it cannot do without.</param>
    private bool TryResize(nint address, nuint size, ref long charged, out long wanted, out long needed)
    {
        wanted = 0;
        needed = 0;
        EnterLock();
        try
        {
            int index = IndexOfArea(address);
            if (index < 0 || !_areas[index].TryLocate(address, out int pageblock, out int granule))
            {
                throw FaultLocked(index, address);
            }

            BuddyArea area = _areas[index];
            int shift = area.GranuleShift;
            long granules = area.GranulesAt(pageblock, granule);
            long requested = (granules << shift) - area.SlackAt(pageblock, granule);
            long length = ((long)size + (1L << shift) - 1) >> shift;
            long taken = area.TakenPages;
            long again = 0;
            BuddyPlace behind = default;
            if (length > granules)
            {
                if (!MayLengthenLocked(index, length - granules) || !area.TryFindBehind(pageblock, granule, granules, length, out behind))
                {
                    return false;
                }

                needed = area.UncommittedBytes(behind, length - granules);
                if (needed > charged)
                {
                    wanted = area.UncommittedBytesAhead(behind, length - granules, _options.CommitAheadBytes);
                    return false;
                }

                again = CommitLocked(area, behind, length - granules, needed, ref charged);
            }

            area.Resize(pageblock, granule, granules, length, (int)((length << shift) - (long)size), behind);
            NotePagesLocked(area.TakenPages - taken, again);
            _liveBytes += (length - granules) << shift;
            _requestedBytes += (long)size - requested;
            _peakLiveBytes = Math.Max(_peakLiveBytes, _liveBytes);
            ChangedLocked(index);
            return true;
        }
        catch (VirtualMemoryException)
        {
            // Pages, or a table of the pageblock where the block would have ended. Nothing has changed, and a new block does as well.
            return false;
        }
        finally
        {
            ExitLock();
        }
    }
}

namespace DimensionStore.Memory;

/// <summary>The short way of a request: a freed block of just its size.</summary>
public abstract unsafe partial class PageAllocator
{
    /// <summary>
    /// Takes a freed block of exactly the size that is not merged yet, for a request without wishes: what most requests for large blocks come to, so nothing is looked at that only the others need.
    /// Nothing is committed, so no limit can stand in the way. Not where there are several areas, which may have to keep reserves.
    /// </summary>
    /// <returns>Whether there was one; nothing has changed when not.</returns>
    internal bool TryTakeParked(nuint size, out nint address)
    {
        BuddyArea area = _areas[0];
        long granules = (long)((size + ((nuint)1 << area.GranuleShift) - 1) >> area.GranuleShift);
        address = 0;
        if (!area.HasParked(granules) || _areas.Length > 1)
        {
            return false;
        }

        EnterLock();
        try
        {
            long bytes = granules << area.GranuleShift;
            if (!area.TryTakeParked(granules, (int)(bytes - (long)size), out address))
            {
                return false;
            }

            CountTakenLocked(bytes, (long)size);
            return true;
        }
        finally
        {
            ExitLock();
        }
    }
}

using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>The long way out: frees by a thread that the lock is not biased to, owners, observers, faults.</summary>
public sealed unsafe partial class SegregatedAllocator
{
    // So many frees that took the lock from another thread, and the heap is one that several threads use. A thread that takes over from another for good does so once.
    private const int HandOversUntilShared = 32;

    // What a free by way of the lock takes in at most of what was freed without it: no free pays for all.
    private const int MostTakenByFree = 32;

    private int _handOvers;

    /// <summary>
    /// Frees for a thread that the lock is not biased to. Where another thread had it last, the block is left to that thread: one mark and one place in a ring, both interlocked, instead of
    /// a lock that goes to and fro with everything it guards.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeUnbiased(nint address, nuint size, bool sized)
    {
        bool isOthers = _lock.WasLastTakenByOther;
        if (isOthers && _isPlain && _heap.IsShared)
        {
            using (ReaderRegistry.Enter())
            {
                if (_heap.TryGiveElsewhere(address, size, sized))
                {
                    return;
                }
            }
        }

        FreeFully(address, size, sized);
        if (isOthers && !_heap.IsShared && ++_handOvers >= HandOversUntilShared)
        {
            Share();
        }
    }

    /// <summary>Prepares for frees without the lock. When there is no memory for it, asks again as many hand-overs later.</summary>
    private void Share()
    {
        _handOvers = 0;
        BiasedLock.Record? entered;
        try
        {
            entered = _lock.Enter();
        }
        catch (ObjectDisposedException)
        {
            // Disposed by another thread after this one's free was done.
            return;
        }

        try
        {
            _isQuick &= !_heap.TryShare();
        }
        finally
        {
            _lock.Exit(entered);
        }
    }

    /// <summary>Counts what was freed without the lock, so that figures which are read without it are right.</summary>
    private void TakeInFreed()
    {
        using (ReaderRegistry.Enter())
        {
            if (!_heap.HasFreedElsewhere)
            {
                return;
            }
        }

        BiasedLock.Record? entered;
        try
        {
            entered = _lock.Enter();
        }
        catch (ObjectDisposedException)
        {
            // The figures are the last ones.
            return;
        }

        _heap.TakeIn(int.MaxValue);
        _lock.Exit(entered);
    }

    /// <param name="address">The block.</param>
    /// <param name="size">Its size, where <paramref name="sized"/>.</param>
    /// <param name="sized">Whether the size must be right.</param>
    /// <param name="onlyNoted">Whether to free it only while it belongs to <paramref name="block"/>: looked at and freed in one, so that it cannot become somebody else's in between.</param>
    /// <param name="block">The handle; null for one that is lost.</param>
    /// <returns>Whether it was freed.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool FreeFully(nint address, nuint size, bool sized, bool onlyNoted = false, CollectableBlock? block = null)
    {
        BiasedLock.Record? entered = _lock.Enter();
        _heap.TakeIn(MostTakenByFree);
        uint start = _heap.GranuleAt(address);
        if (onlyNoted && !IsNotedLocked(start, block))
        {
            _lock.Exit(entered);
            return false;
        }

        uint granules = start == None ? 0 : _heap.LiveLength(start);
        if (granules == 0)
        {
            throw FaultAndExit(address, entered);
        }

        long bytes = (long)granules << GranuleShift;
        OwnerId owner;
        int slot;
        bool fits = !sized;
        bool given;
        try
        {
            slot = _tags is null ? 0 : _tags.Get(start, granules);
            owner = OwnerOf(start, granules);
            fits |= size != 0 && size <= (nuint)bytes && ((nuint)bytes - size < (nuint)1 << GranuleShift || (slot != 0 && granules == 2));
            given = fits && _heap.TryGive(start, granules);
            if (given)
            {
                EndLifeLocked(start, granules, owner);
            }
        }
        catch
        {
            _lock.Exit(entered);
            throw;
        }

        if (fits && !given)
        {
            // Another thread marked it since this one looked.
            throw FaultAndExit(address, entered);
        }

        _lock.Exit(entered);
        if (!fits)
        {
            MemoryFaultException fault = new(Name, MemoryFault.WrongSize, address, bytes, owner, $"freed as {size:N0} bytes. Free with the size that was asked for.");
            Observer?.OnFault(this, fault);
            throw fault;
        }

        if (slot != 0)
        {
            _owners.AccountAt(slot).Release(bytes);
        }

        Observer?.OnFreed(this, address, bytes, owner);
        CheckPressure();
        return true;
    }
}

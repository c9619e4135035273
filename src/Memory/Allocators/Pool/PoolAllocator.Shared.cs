using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>The way through the lock: empty and full magazines, growth, gathering, failures.</summary>
public sealed unsafe partial class PoolAllocator
{
    private long _committedBytes;
    private long _besideBytes;
    private long _peakCommittedBytes;
    private long _peakLiveBytes;
    private long _failedAllocations;

    /// <summary>Why a pool could not grow.</summary>
    private enum Obstacle
    {
        None,
        Capacity,
        NoGrow,
        Limit,
        Budget,
        System,
    }

    /// <summary>Allocates when the first look did not help: aligned, or with a cache that is not the one used last, or by way of the lock.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint AllocateOtherwise(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, bool throws)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (!BitOperations.IsPow2(alignment) || alignment > (nuint)LargestPool.BlockBytes)
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, $"Alignment must be a power of two, at most the largest block of {LargestPool.BlockBytes:N0} bytes.");
        }

        options.ThrowIfUndefined();
        ThreadCache cache = CacheOfThisThread();
        nint address = AllocateCached(cache, Math.Max(size, alignment), size, options, owner);
        return address != 0 ? address : AllocateShared(cache, size, alignment, options, owner, throws);
    }

    /// <summary>Allocates by way of the lock. When that fails: 0, or the failure is thrown.</summary>
    private nint AllocateShared(ThreadCache cache, nuint size, nuint alignment, AllocationOptions options, OwnerId owner, bool throws)
    {
        nuint needed = Math.Max(size, alignment);
        if (needed > (nuint)LargestPool.BlockBytes)
        {
            lock (_lock)
            {
                ThrowIfDisposed();
            }

            Interlocked.Add(ref _failedAllocations, FailuresOf(options));
            return !throws ? 0 : throw Refused(size, LargestPool.BlockBytes, owner, $"the largest block has {LargestPool.BlockBytes:N0} bytes. Add a pool of larger blocks, or split the request.");
        }

        int first = _poolOfOrder[BitOperations.Log2(BitOperations.RoundUpToPowerOf2(needed))];
        VirtualMemoryException? refusal = null;
        for (bool reclaimed = false; ; reclaimed = true)
        {
            Obstacle worst = Obstacle.None;
            for (int pool = first; pool < _pools.Length; pool++)
            {
                nint address = 0;
                ulong before = 0;
                long surplus = 0;
                Obstacle obstacle;
                try
                {
                    obstacle = TakeFromPool(cache, pool, size, options, owner, ref address, ref before, ref surplus, ref refusal);
                }
                finally
                {
                    // Before the release, which may call a handler that resets.
                    ClearTaken(pool, address, options, before);
                    if (surplus > 0)
                    {
                        _budget?.Release(surplus);
                    }
                }

                if (obstacle == Obstacle.None)
                {
                    return address;
                }

                worst = (Obstacle)Math.Max((int)worst, (int)obstacle);
            }

            // Free chunks of other pools may stand in the way of the limit. Give them back and try once more.
            if (reclaimed || worst is not (Obstacle.Limit or Obstacle.Budget) || Trim() == 0)
            {
                Interlocked.Add(ref _failedAllocations, FailuresOf(options));
                return !throws ? 0 : throw Failure(size, owner, worst, first, refusal);
            }
        }
    }

    /// <summary>What the limit still has. Under the lock.</summary>
    private long RoomLocked => _limitBytes - _committedBytes - _besideBytes;

    /// <summary>Takes a block of one pool, which grows where that is needed and allowed.</summary>
    /// <param name="cache">This thread's.</param>
    /// <param name="index">Of the pool.</param>
    /// <param name="size">What is asked for.</param>
    /// <param name="options">How.</param>
    /// <param name="owner">For whom.</param>
    /// <param name="address">The block; 0 as long as there is none.</param>
    /// <param name="before">What its word was, for <see cref="ClearTaken"/>.</param>
    /// <param name="surplus">What was charged to the budget and is not used, to be released whatever happens, once the block is zeroed.</param>
    /// <param name="refusal">What the system refused.</param>
    private Obstacle TakeFromPool(ThreadCache cache, int index, nuint size, AllocationOptions options, OwnerId owner, ref nint address, ref ulong before, ref long surplus, ref VirtualMemoryException? refusal)
    {
        BlockPool pool = _pools[index];
        long planned;
        lock (_lock)
        {
            ThrowIfDisposed();
            if (TakeLocked(cache, index, size, options, owner, out address, out before))
            {
                return Obstacle.None;
            }

            bool mayGrow = (options & AllocationOptions.NoGrow) == 0;
            planned = mayGrow ? pool.NextGrowthBytes(RoomLocked) : 0;
            if (planned == 0)
            {
                return GatherLocked(index) && TakeLocked(cache, index, size, options, owner, out address, out before) ? Obstacle.None
                    : !mayGrow ? Obstacle.NoGrow
                    : pool.IsAtCapacity ? Obstacle.Capacity
                    : Obstacle.Limit;
            }
        }

        // Outside the lock: the budget raises events, and a handler may well come back here, or wait for a thread that does.
        long charged = Charge(planned, pool.UnitBytes);
        surplus = charged;
        try
        {
            lock (_lock)
            {
                ThrowIfDisposed();

                // Somebody else may have grown the pool or freed a block in the meantime.
                if (TakeLocked(cache, index, size, options, owner, out address, out before))
                {
                    return Obstacle.None;
                }

                long growth = Math.Min(charged, pool.NextGrowthBytes(RoomLocked));
                if (growth > 0)
                {
                    pool.Grow(growth);
                    surplus -= growth;
                    _committedBytes += growth;
                    _peakCommittedBytes = Math.Max(_peakCommittedBytes, _committedBytes);
                }
                else
                {
                    GatherLocked(index);
                }

                return TakeLocked(cache, index, size, options, owner, out address, out before) ? Obstacle.None
                    : charged == 0 ? Obstacle.Budget
                    : pool.IsAtCapacity ? Obstacle.Capacity
                    : Obstacle.Limit;
            }
        }
        catch (VirtualMemoryException e)
        {
            refusal = e;
            return Obstacle.System;
        }
    }

    /// <summary>Zeroes a block that was taken to be zeroed, and ends the use that began then. Outside the lock.</summary>
    private void ClearTaken(int index, nint address, AllocationOptions options, ulong before)
    {
        if (address != 0 && (options & AllocationOptions.Zeroed) != 0 && !BlockWord.IsZero(before))
        {
            NativeMemory.Clear((void*)address, (nuint)1 << _pools[index].BlockShift);
            _uses.Exit();
        }
    }

    /// <summary>Takes a block from the depot and fills the magazine to a half, or takes one from the magazine. Of one that is to be zeroed a use begins, which <see cref="ClearTaken"/> ends.</summary>
    private bool TakeLocked(ThreadCache cache, int index, nuint size, AllocationOptions options, OwnerId owner, out nint address, out ulong before)
    {
        BlockPool pool = _pools[index];
        Magazine* magazine = cache.MagazineOf(index);
        magazine->KnownBlocks = pool.KnownBlocks;
        if (magazine->Count == 0)
        {
            // Peak live bytes can have risen by no more than what left the depot since the last exchange.
            RaisePeakLocked();
            pool.Refill(magazine);
        }

        if (magazine->Count == 0)
        {
            address = 0;
            before = 0;
            return false;
        }

        uint block = Magazine.Items(magazine)[--magazine->Count];
        before = pool.Words[block];
        if ((options & AllocationOptions.Zeroed) != 0 && !BlockWord.IsZero(before))
        {
            // Until it is zeroed; in the lock, so that a reset that comes next waits for it.
            ObjectDisposedException.ThrowIf(!_uses.TryEnter(), this);
        }

        pool.Words[block] = BlockWord.MakeLive(size, owner);
        address = pool.Blocks + (nint)((nuint)block << pool.BlockShift);
        return true;
    }

    /// <summary>Brings the blocks of a pool that lie in any thread's magazine into the depot. False when there are none.</summary>
    private bool GatherLocked(int index)
    {
        bool any = false;
        foreach (ThreadCache? cache in _caches)
        {
            any |= cache is not null && Volatile.Read(ref cache.MagazineOf(index)->Count) > 0;
        }

        if (!any)
        {
            return false;
        }

        StopThreadsLocked();
        FlushAllLocked(index);
        LetThreadsGoLocked();
        return _pools[index].DepotCount > 0;
    }

    /// <summary>Keeps every thread out of its cache until <see cref="LetThreadsGoLocked"/>; they come to the lock instead.</summary>
    private void StopThreadsLocked()
    {
        foreach (ThreadCache? cache in _caches)
        {
            cache?.Shut();
        }

        VirtualMemory.ProcessWideBarrier();
        foreach (ThreadCache? cache in _caches)
        {
            PatientWait wait = default;
            while (cache is not null && cache.IsBusy)
            {
                wait.SpinOnce();
            }

            wait.End();
        }
    }

    private void LetThreadsGoLocked()
    {
        foreach (ThreadCache? cache in _caches)
        {
            cache?.Open(_id);
        }
    }

    private void FlushAllLocked(int index)
    {
        foreach (ThreadCache? cache in _caches)
        {
            if (cache is not null)
            {
                _pools[index].Flush(cache.MagazineOf(index), keep: 0);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeOtherwise(nint address, nuint size, bool sized)
    {
        ThreadCache cache = CacheOfThisThread();
        if (!TryFreeCached(cache, address, size, sized))
        {
            FreeShared(cache, address, size, sized);
        }
    }

    private void FreeShared(ThreadCache cache, nint address, nuint size, bool sized)
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            ulong seen = ReadWordLocked(address, out int index, out uint block);
            if (index < 0 || !BlockWord.IsLive(seen))
            {
                throw FaultLocked(address);
            }

            if (sized && BlockWord.Requested(seen) != size)
            {
                throw new MemoryFaultException(Name, MemoryFault.WrongSize, address, (long)BlockWord.Requested(seen), BlockWord.Owner(seen), $"freed as {size:N0} bytes. Free with the size that was asked for.");
            }

            // A thread with a cache may free the same block at this moment without the lock.
            BlockPool pool = _pools[index];
            if (Interlocked.CompareExchange(ref pool.Words[block], BlockWord.ToFree(seen), seen) != seen)
            {
                throw FaultLocked(address);
            }

            Magazine* magazine = cache.MagazineOf(index);
            magazine->KnownBlocks = pool.KnownBlocks;
            if (magazine->Count == magazine->Capacity)
            {
                RaisePeakLocked();
                pool.Flush(magazine, magazine->Capacity / 2);
            }

            Magazine.Items(magazine)[magazine->Count++] = block;
            magazine->Freed++;
        }
    }

    /// <summary>Charges the budget with as much of <paramref name="planned"/> as it takes, at least <paramref name="least"/>; 0 when it does not take that.</summary>
    private long Charge(long planned, long least)
    {
        if (_budget is null || _budget.TryCharge(planned))
        {
            return planned;
        }

        long fits = Math.Min(planned, _budget.AvailableBytes) / least * least;
        return fits > 0 && _budget.TryCharge(fits) ? fits
            : _budget.TryCharge(least) ? least
            : 0;
    }

    /// <summary>This thread's cache, made if there is none yet.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ThreadCache CacheOfThisThread()
    {
        int slot = ReaderRegistry.CurrentSlot.Index;
        ThreadCache?[] caches = Volatile.Read(ref _caches);
        ThreadCache cache = (slot < caches.Length ? caches[slot] : null) ?? AddCache(slot);
        ThreadCache.Current = cache;
        return cache;
    }

    private ThreadCache AddCache(int slot)
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            if (slot >= _caches.Length)
            {
                ThreadCache?[] more = new ThreadCache?[Math.Max(slot + 1, _caches.Length * 2)];
                _caches.CopyTo(more, 0);
                Volatile.Write(ref _caches, more);
            }

            return _caches[slot] ??= new ThreadCache(_id, _pools, _poolOfOrder);
        }
    }

    private Exception Failure(nuint size, OwnerId owner, Obstacle worst, int first, VirtualMemoryException? refusal)
    {
        long available = 0;
        long charged;
        lock (_lock)
        {
            charged = _limitBytes - RoomLocked;
            for (int pool = first; pool < _pools.Length; pool++)
            {
                available += (_pools[pool].DepotCount * _pools[pool].BlockBytes) + Math.Min(_pools[pool].CapacityBytes - _pools[pool].CommittedBytes, _limitBytes - charged);
            }
        }

        available = Math.Clamp(available, 0, _limitBytes);
        return worst switch
        {
            Obstacle.Limit => new LimitExceededException(Name, Saturated(size), charged, _limitBytes, "Free blocks, or raise the limit.", owner),
            Obstacle.Budget => new LimitExceededException(_budget!.Name, Saturated(size), _budget.UsedBytes, _budget.LimitBytes, "Free blocks, evict, or raise the budget.", owner),
            Obstacle.System => Refused(size, available, owner, "the operating system refused memory.", refusal),
            Obstacle.NoGrow => Refused(size, available, owner, "no free block is committed, and the request forbids growing."),
            _ => Refused(size, available, owner, $"every pool with blocks of {_pools[first].BlockBytes:N0} bytes or more is full. Free blocks, or give the pools more capacity."),
        };
    }

    private AllocationFailedException Refused(nuint size, long available, OwnerId owner, string reason, VirtualMemoryException? refusal = null) =>
        new(Name, Saturated(size), available, owner, reason, refusal, GetStatistics().LiveBytes, _limitBytes);

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);
}

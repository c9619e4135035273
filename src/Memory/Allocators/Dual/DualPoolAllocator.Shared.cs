using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>The way in when no small object is at hand: growth, runs of big blocks, failures.</summary>
public sealed unsafe partial class DualPoolAllocator
{
    private long _failedAllocations;
    private long _fragmentationEvents;

    /// <summary>Why a pool could not serve, the worse the later.</summary>
    private enum Obstacle
    {
        None,
        Capacity,
        Fragmented,
        NoGrow,
        Limit,
        System,
    }

    /// <summary>Allocates by growth or from the big pool. When that fails: 0, or the failure is thrown.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint AllocateOtherwise(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, int site, bool throws)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        CheckAlignment(alignment);
        options.ThrowIfUndefined();
        bool fitsSmall = size <= _smallUsable && alignment <= SmallPool.ObjectBytes;
        int blocks = _big.BlocksFor(size, alignment);
        VirtualMemoryException? refusal = null;
        for (bool reclaimed = false; ; reclaimed = true)
        {
            nint address = 0;
            Obstacle obstacle = fitsSmall ? TakeSmall(size, options, owner, site, out address, ref refusal) : Obstacle.Capacity;
            if (obstacle != Obstacle.None)
            {
                Obstacle big = TakeBig(blocks, size, alignment, options, owner, site, out address, ref refusal);
                obstacle = big == Obstacle.None ? Obstacle.None : (Obstacle)Math.Max((int)obstacle, (int)big);
            }

            if (obstacle == Obstacle.None)
            {
                return address;
            }

            // Free memory of either pool may stand in the way of the budget: give it back and try once more.
            if (reclaimed || obstacle != Obstacle.Limit || Trim() == 0)
            {
                Interlocked.Add(ref _failedAllocations, FailuresOf(options));
                if (obstacle == Obstacle.Fragmented)
                {
                    Interlocked.Add(ref _fragmentationEvents, FailuresOf(options));
                }

                return !throws ? 0 : throw Failure(size, blocks, owner, obstacle, refusal);
            }
        }
    }

    private Obstacle TakeSmall(nuint size, AllocationOptions options, OwnerId owner, int site, out nint address, ref VirtualMemoryException? refusal)
    {
        long planned = 0;
        address = AllocateSmall(size, options, owner, site);
        if (address != 0)
        {
            return Obstacle.None;
        }

        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            planned = _small.NextGrowthBytes(long.MaxValue);
        }
        finally
        {
            _lock.Exit();
        }

        if (planned == 0)
        {
            return Obstacle.Capacity;
        }

        if ((options & AllocationOptions.NoGrow) != 0)
        {
            return Obstacle.NoGrow;
        }

        // Outside the lock: the budget raises events, and a handler may well come back here.
        long charged = Charge(planned, VirtualMemory.PageSize);
        long used = 0;
        try
        {
            _lock.Enter();
            try
            {
                ThrowIfDisposed();
                long growth = Math.Min(charged, _small.NextGrowthBytes(charged));
                if (growth > 0)
                {
                    _small.Grow(growth);
                    used = growth;
                }
            }
            finally
            {
                _lock.Exit();
            }

            // Others may take what was just committed; then the big pool serves.
            address = AllocateSmall(size, options, owner, site);
            return address != 0 ? Obstacle.None : charged == 0 ? Obstacle.Limit : Obstacle.Capacity;
        }
        catch (VirtualMemoryException e)
        {
            refusal = e;
            return Obstacle.System;
        }
        finally
        {
            _memory.Refund(charged - used);
        }
    }

    private Obstacle TakeBig(int blocks, nuint size, nuint alignment, AllocationOptions options, OwnerId owner, int site, out nint address, ref VirtualMemoryException? refusal)
    {
        long charged = 0;
        bool mayCommit = (options & AllocationOptions.NoGrow) == 0;
        address = 0;
        try
        {
            while (true)
            {
                long planned;
                long missing;
                _lock.Enter();
                try
                {
                    ThrowIfDisposed();
                    int start = _big.Find(blocks, out missing);
                    if (start < 0)
                    {
                        return _big.Live + (long)blocks <= _big.Capacity ? Obstacle.Fragmented : Obstacle.Capacity;
                    }

                    if (missing > charged && !mayCommit)
                    {
                        start = _big.FindCommitted(blocks);
                        if (start < 0)
                        {
                            return (options & AllocationOptions.NoGrow) != 0 ? Obstacle.NoGrow : Obstacle.Limit;
                        }

                        missing = 0;
                    }

                    if (missing <= charged)
                    {
                        if (missing > 0)
                        {
                            long before = _big.CommittedBytes;
                            try
                            {
                                _big.Commit(start, blocks, charged - missing);
                            }
                            finally
                            {
                                charged -= _big.CommittedBytes - before;
                            }
                        }

                        _big.Take(start, blocks, size, owner, alignment);
                        address = Mark(DualPool.Big, start, site);
                        if ((options & AllocationOptions.Zeroed) == 0)
                        {
                            return Obstacle.None;
                        }

                        _memory.BeginUse();
                    }

                    planned = address != 0 ? 0 : missing + _big.ExtraBytes(start, blocks);
                }
                finally
                {
                    _lock.Exit();
                }

                if (address != 0)
                {
                    ClearRun(address);
                    return Obstacle.None;
                }

                // Outside the lock: the budget raises events, and a handler may well come back here. What is missing may have changed meanwhile, so all is looked at anew.
                _memory.Refund(charged);
                charged = 0;
                charged = _memory.TryCharge(planned) ? planned : _memory.TryCharge(missing) ? missing : 0;
                mayCommit = charged > 0;
            }
        }
        catch (VirtualMemoryException e)
        {
            refusal = e;
            return Obstacle.System;
        }
        finally
        {
            _memory.Refund(charged);
        }
    }

    /// <summary>Zeroes what is not zero of a run that was just taken, and ends the use that began then. Outside the lock: its blocks are ours.</summary>
    private void ClearRun(nint address)
    {
        int block = _big.StartOf(address);
        nint end = address + (nint)_big.Usable(block);
        for (nint at = address; at < end; block++)
        {
            nint next = nint.Min(end, _big.Blocks + (nint)((block + 1L) << BigPool.BlockShift));
            if (next > at && !_big.IsZero(block))
            {
                NativeMemory.Clear((void*)at, (nuint)(next - at));
            }

            at = nint.Max(at, next);
        }

        _memory.EndUse();
    }

    /// <summary>Charges as much of <paramref name="planned"/> as limit and budget take, at least <paramref name="least"/>; 0 when they do not take that.</summary>
    private long Charge(long planned, long least)
    {
        if (_memory.TryCharge(planned))
        {
            return planned;
        }

        long room = Math.Min(_memory.LimitBytes - _memory.ChargedBytes, _budget?.AvailableBytes ?? long.MaxValue);
        long fits = Math.Min(planned, room) / least * least;
        return fits > 0 && _memory.TryCharge(fits) ? fits
            : _memory.TryCharge(least) ? least
            : 0;
    }

    private Exception Failure(nuint size, int blocks, OwnerId owner, Obstacle worst, VirtualMemoryException? refusal)
    {
        long requested = Saturated(size);
        long available;
        int longest;
        int free;
        _lock.Enter();
        try
        {
            longest = _big.Free.Longest;
            free = _big.Capacity - _big.Live;
            available = Math.Max(0, ((long)longest << BigPool.BlockShift) - (_hasCanaries ? DefaultAlignment + ObjectCanary.Bytes : 0));
        }
        finally
        {
            _lock.Exit();
        }

        return worst switch
        {
            Obstacle.Limit => _memory.LimitReached(requested, owner),
            Obstacle.System => Refused("the operating system refused memory."),
            Obstacle.NoGrow => Refused("no free object or run is committed, and the request forbids growing."),
            Obstacle.Fragmented => Refused($"it takes {blocks:N0} adjacent big blocks; {free:N0} are free, the longest run of them has {longest:N0}. Free neighbours, or plan more big blocks."),
            _ => Refused($"it takes {blocks:N0} big blocks of {_big.Capacity:N0}, and {free:N0} are free. Free objects, or plan larger pools."),
        };

        AllocationFailedException Refused(string reason) => new(Name, requested, available, owner, reason, refusal, GetStatistics().LiveBytes, _memory.LimitBytes);
    }
}

using System.Numerics;
using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>The way of a request: finding a place, growing, failing; and the way back.</summary>
public abstract unsafe partial class PageAllocator
{
    private protected nint AllocateCore(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, bool throws, int highest) =>
        AllocateCore(size, alignment, options, owner, throws, highest, out _);

    private nint AllocateCore(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, bool throws, int highest, out CleanRun clean)
    {
        clean = default;
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (((alignment ^ DefaultAlignment) | (uint)options) != 0)
        {
            CheckUnusual(alignment, options);
        }
        else if (owner == OwnerId.None && TryTakeParked(size, out nint parked))
        {
            return parked;
        }

        if (size > (nuint)MaxBlockBytes)
        {
            return Fail(size, options, owner, Obstacle.Space, null, throws, 0, highest);
        }

        int shift = _areas[0].GranuleShift;
        long granules = (long)((size + ((nuint)1 << shift) - 1) >> shift);
        int order = Math.Max(CeilingLog2((ulong)granules), BitOperations.Log2(alignment) - shift);
        BuddyRequest request = new(granules, order, (int)((granules << shift) - (long)size), KindOf(options), owner, alignment >> shift > 1, highest);
        long charged = 0;
        bool lastResort = false;
        try
        {
            while (true)
            {
                Obstacle obstacle = TryTake(request, options, ref charged, out long wanted, out long needed, out nint address, out clean, out VirtualMemoryException? refusal);
                if (obstacle == Obstacle.None)
                {
                    if ((options & AllocationOptions.Zeroed) != 0)
                    {
                        ClearAndEndUse(address, (nuint)(granules << shift), clean);
                    }

                    if (_givingBack.IsDue(LeastGiveBackBytes))
                    {
                        GiveBackWhileGrowing(address);
                    }

                    RaiseEvents();
                    return address;
                }

                if (obstacle == Obstacle.Uncommitted)
                {
                    Recharge(ref charged, wanted, needed);
                    if (charged > 0)
                    {
                        continue;
                    }

                    // What lies free and committed elsewhere may serve as it is, or stands in the way of the limit.
                    obstacle = Obstacle.Limit;
                    if ((options & AllocationOptions.NoGrow) == 0)
                    {
                        if (TryAllocateCommitted(request, options, out address, out clean))
                        {
                            return address;
                        }

                        if (!lastResort && Trim() > 0)
                        {
                            lastResort = true;
                            continue;
                        }
                    }
                }

                if (!lastResort && TryReclaim(size, highest))
                {
                    lastResort = true;
                    continue;
                }

                return Fail(size, options, owner, obstacle, refusal, throws, needed, highest);
            }
        }
        finally
        {
            _memory.Refund(charged);
        }
    }

    /// <summary>Checks an alignment that is not the default one, and options. A block of any size can have the default one.</summary>
    private void CheckUnusual(nuint alignment, AllocationOptions options)
    {
        if (!BitOperations.IsPow2(alignment) || alignment > (nuint)MaxBlockBytes)
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, $"Alignment must be a power of two, at most the largest block of {MaxBlockBytes:N0} bytes.");
        }

        options.ThrowIfUndefined();
    }

    /// <summary>Serves a request without growing, after growing was refused.</summary>
    private bool TryAllocateCommitted(in BuddyRequest request, AllocationOptions options, out nint address, out CleanRun clean)
    {
        long none = 0;
        Obstacle obstacle = TryTake(request, options | AllocationOptions.NoGrow, ref none, out _, out _, out address, out clean, out _);
        if (obstacle != Obstacle.None)
        {
            return false;
        }

        if ((options & AllocationOptions.Zeroed) != 0)
        {
            ClearAndEndUse(address, (nuint)(request.Granules << _areas[0].GranuleShift), clean);
        }

        RaiseEvents();
        return true;
    }

    /// <summary>Zeroes a block but where it is zero, which spares the faults on its new pages; and ends the use that <see cref="TryTake"/> has begun, if it has.</summary>
    private void ClearAndEndUse(nint address, nuint bytes, CleanRun clean)
    {
        if (clean.Covers(bytes))
        {
            return;
        }

        NativeMemory.Clear((void*)address, clean.First);
        _memory.ClearAndEndUse(address + (nint)clean.End, bytes - clean.End);
    }

    /// <summary>Takes a block when its memory is committed, or when what is charged suffices to commit it. A use of it has begun where it is to be zeroed.</summary>
    private Obstacle TryTake(in BuddyRequest request, AllocationOptions options, ref long charged, out long wanted, out long needed, out nint address, out CleanRun clean, out VirtualMemoryException? refusal)
    {
        wanted = 0;
        needed = 0;
        address = 0;
        clean = default;
        refusal = null;
        EnterLock();
        try
        {
            Obstacle obstacle = FindLocked(request, options, committedOnly: false, out int index, out BuddyPlace place);
            if (obstacle != Obstacle.None)
            {
                return obstacle;
            }

            long again = 0;
            BuddyArea area = _areas[index];
            needed = place.IsParked ? 0 : area.UncommittedBytes(place, request.Granules);
            if (needed > 0)
            {
                if ((options & AllocationOptions.NoGrow) != 0)
                {
                    if (FindLocked(request, options, committedOnly: true, out index, out place) != Obstacle.None)
                    {
                        return Obstacle.NoGrow;
                    }

                    area = _areas[index];
                }
                else if (charged < needed)
                {
                    wanted = area.UncommittedBytesAhead(place, request.Granules, _options.CommitAheadBytes);
                    return Obstacle.Uncommitted;
                }
                else
                {
                    again = CommitLocked(area, place, request.Granules, needed, ref charged);
                }
            }

            area.PrepareTables(place, request);
            long taken = area.TakenPages;
            clean = area.Take(place, request, out address);
            NotePagesLocked(area.TakenPages - taken, again);
            long bytes = request.Granules << area.GranuleShift;
            CountTakenLocked(bytes, bytes - request.Slack);
            TakenLocked(index, request.Highest);
            if ((options & AllocationOptions.Zeroed) != 0 && !clean.Covers((nuint)bytes))
            {
                _memory.BeginUse();
            }

            return Obstacle.None;
        }
        catch (VirtualMemoryException e)
        {
            refusal = e;
            return Obstacle.System;
        }
        finally
        {
            ExitLock();
        }
    }

    /// <summary>Gives back what was charged and does not suffice, and charges what is wanted or at least what is needed; nothing where limit or budget refuse both. Outside the lock: the budget raises events, and a handler may well come back here.</summary>
    private void Recharge(ref long charged, long wanted, long needed)
    {
        // Not charged any more when a handler throws.
        long insufficient = charged;
        charged = 0;
        _memory.Refund(insufficient);
        charged = _memory.TryCharge(wanted) ? wanted : wanted > needed && _memory.TryCharge(needed) ? needed : 0;
    }

    /// <summary>Commits what a cut needs, and what lies around it as far as it is charged.</summary>
    /// <returns>How many of the pages a free gave back a moment before.</returns>
    private long CommitLocked(BuddyArea area, in BuddyPlace place, long granules, long needed, ref long charged)
    {
        if (needed == 0)
        {
            return 0;
        }

        area.Commit(place, granules, _options.CommitAheadBytes, ref charged);
        return _keeping.Committed(needed) / VirtualMemory.PageSize;
    }

    private void CountTakenLocked(long bytes, long requested)
    {
        _allocations++;
        _liveBlocks++;
        _liveBytes += bytes;
        _requestedBytes += requested;
        _peakLiveBytes = Math.Max(_peakLiveBytes, _liveBytes);
    }

    private void FreeCore(nint address, nuint size, bool sized)
    {
        long returned = 0;
        int index = IndexOfArea(address);
        if (index >= 0)
        {
            _areas[index].FetchTables(address);
        }

        EnterLock();
        try
        {
            if (index < 0 || !_areas[index].TryLocate(address, out int pageblock, out int granule))
            {
                throw FaultLocked(index, address);
            }

            BuddyArea area = _areas[index];
            long granules = area.GranulesAt(pageblock, granule);
            long bytes = granules << area.GranuleShift;
            long requested = bytes - area.SlackAt(pageblock, granule);
            if (sized && (nuint)requested != size)
            {
                throw new MemoryFaultException(Name, MemoryFault.WrongSize, address, requested, area.OwnerAt(pageblock, granule), $"freed as {size:N0} bytes. Free with the size that was asked for.");
            }

            area.Release(pageblock, granule, granules);
            _frees++;
            _liveBlocks--;
            _liveBytes -= bytes;
            _requestedBytes -= requested;
            returned = GiveBackLocked(area, pageblock, bytes);
            ChangedLocked(index);
        }
        finally
        {
            ExitLock();
        }

        _memory.Refund(returned);
        RaiseEvents();
    }

    /// <summary>Gives back what a free leaves that is more than shall be kept, in step with what is freed, so that no single free pays for a peak.</summary>
    private long GiveBackLocked(BuddyArea area, int pageblock, long freed)
    {
        long keep = _options.GivesBackAtOnce ? 0 : Math.Max(_options.KeepIdleBytes, _liveBytes / 8) + _keeping.MoreBytes;
        long excess = area.IdleWholeBytes - keep;
        if (excess <= 0 && !_options.GivesBackAtOnce)
        {
            return 0;
        }

        long returned = excess > 0 ? area.TrimWhole(Math.Min(excess, Math.Max(2 * freed, LeastGiveBackBytes))) : 0;
        _keeping.GivenBack(returned);
        if (_options.GivesBackAtOnce && freed >= PageblockBytes)
        {
            returned += area.Trim(pageblock, long.MaxValue) + area.Trim(pageblock + (int)(freed / PageblockBytes), long.MaxValue);
        }

        return returned;
    }

    private static int KindOf(AllocationOptions options) =>
        (options & AllocationOptions.Movable) != 0 ? (int)PageMobility.Movable
        : (options & AllocationOptions.Reclaimable) != 0 ? (int)PageMobility.Reclaimable
        : (int)PageMobility.Unmovable;

    private static int CeilingLog2(ulong value) => value <= 1 ? 0 : BitOperations.Log2(value - 1) + 1;

    private int IndexOfArea(nint address)
    {
        for (int i = 0; i < _areas.Length; i++)
        {
            if (_areas[i].Contains(address))
            {
                return i;
            }
        }

        return -1;
    }

    private nint Fail(nuint size, AllocationOptions options, OwnerId owner, Obstacle obstacle, VirtualMemoryException? refusal, bool throws, long needed, int highest)
    {
        long available = 0;
        long used;
        EnterSettled();
        if (FailuresOf(options) > 0)
        {
            _failures++;
            FailedLocked(highest);
        }

        foreach (BuddyArea area in _areas)
        {
            available = Math.Max(available, area.LargestFreeBytes());
        }

        // There may be more address space than memory.
        used = _liveBytes;
        available = Math.Clamp(available, 0, Math.Max(0, _memory.LimitBytes - used));
        ExitLock();
        RaiseEvents();
        if (!throws)
        {
            return 0;
        }

        long asked = Saturated(size);
        throw obstacle switch
        {
            Obstacle.Limit => _memory.LimitReached(asked, owner, needed),
            Obstacle.System => Refused("the operating system refused memory."),
            Obstacle.NoGrow => Refused("no free block is committed, and the request forbids growing."),
            Obstacle.Watermark => Refused("every zone that may serve it would fall below its minimum. Free blocks, or ask with the option Emergency where it must not fail."),
            _ when asked > _memory.LimitBytes => Refused($"the limit for all blocks together is {_memory.LimitBytes:N0} bytes. Split the request, or create the allocator with a larger limit."),
            _ when asked > MaxBlockBytes => Refused($"the largest block has {MaxBlockBytes:N0} bytes. Split the request, or create the allocator with larger blocks."),
            _ => Refused($"no free block is large enough; the largest has {available:N0} bytes. Free blocks, or give the allocator more capacity."),
        };

        AllocationFailedException Refused(string reason) => new(Name, asked, available, owner, reason, refusal, used, _memory.LimitBytes);
    }

    private MemoryFaultException FaultLocked(int index, nint address)
    {
        if (index < 0)
        {
            return new MemoryFaultException(Name, MemoryFault.ForeignFree, address, 0, OwnerId.None, "the address does not lie in this allocator's memory. Give it back where it came from.");
        }

        (MemoryFault fault, nint block, long requested, OwnerId owner) = _areas[index].Diagnose(address);
        string detail = fault == MemoryFault.DoubleFree ? requested > 0 ? "the block is free already. Size and owner are those of its last life." : "no block is live there: it is free already, and its last size is not known any more."
            : block != 0 ? $"the address lies {address - block:N0} bytes into the live block at 0x{block:x}. Use the address that was handed out."
            : "no live block is there, and none began there. Use the address that was handed out.";
        return new MemoryFaultException(Name, fault, address, requested, owner, detail);
    }
}

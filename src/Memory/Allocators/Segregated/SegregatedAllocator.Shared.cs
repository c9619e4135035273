using System.Numerics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>The long way: owners, observers, alignment, zeroing, growth, failures.</summary>
public sealed unsafe partial class SegregatedAllocator
{
    /// <summary>Why a request was refused.</summary>
    private enum Obstacle
    {
        None,
        Size,
        Room,
        NoGrow,
        Budget,
        Owner,
        System,
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint AllocateFully(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, bool throws, CollectableBlock? user = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (!BitOperations.IsPow2(alignment) || alignment > LargestAlignment)
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, $"Alignment must be a power of two, at most {LargestAlignment:N0}.");
        }

        VirtualMemoryException? refusal = null;
        Obstacle obstacle = Obstacle.Size;
        OwnerAccount? account = owner == OwnerId.None ? null : throws ? _owners.AccountOf(owner) : _owners.TryAccountOf(owner);
        if (size <= (nuint)_capacityBytes && (account is not null || owner == OwnerId.None))
        {
            uint granules = (uint)((size + ((1 << GranuleShift) - 1)) >> GranuleShift);
            granules = account is null ? granules : Math.Max(granules, 2);
            long bytes = (long)granules << GranuleShift;
            obstacle = Obstacle.Owner;
            if (account is null || account.TryCharge(bytes))
            {
                uint start = None;
                try
                {
                    obstacle = Find(granules, alignment, options, account, user, ref refusal, out start);
                    if (obstacle is Obstacle.Room or Obstacle.Budget && MakeRoom())
                    {
                        obstacle = Find(granules, alignment, options, account, user, ref refusal, out start);
                    }
                }
                finally
                {
                    if (start == None)
                    {
                        account?.Cancel(bytes);
                    }
                }

                if (start != None)
                {
                    return HandOut(start, granules, size, options, owner);
                }
            }
        }

        Interlocked.Increment(ref _failures);
        long requested = Saturated(size);
        long used;
        BiasedLock.Record? entered = _lock.Enter();
        used = _heap.LiveGranules << GranuleShift;
        _lock.Exit(entered);
        Observer?.OnAllocationFailed(this, requested, CapacityBytes - used, owner);
        return !throws ? 0 : throw Failure(requested, used, owner, obstacle, account, refusal);
    }

    private nint HandOut(uint start, uint granules, nuint size, AllocationOptions options, OwnerId owner)
    {
        nint address = _heap.AddressOf(start);
        if ((options & AllocationOptions.Zeroed) != 0)
        {
            _memory.Clear(address, (nuint)granules << GranuleShift);
        }

        Observer?.OnAllocated(this, address, (long)size, owner);
        CheckPressure();
        return address;
    }

    /// <summary>Takes a block, growing the heap where that is needed and allowed.</summary>
    private Obstacle Find(uint granules, nuint alignment, AllocationOptions options, OwnerAccount? account, CollectableBlock? user, ref VirtualMemoryException? refusal, out uint start)
    {
        ulong needed = granules + Math.Max(1, (ulong)alignment >> GranuleShift) - 1;
        long charged = 0;
        bool frugal = false;
        while (true)
        {
            long committed = 0;
            long plan;
            BiasedLock.Record? entered;
            try
            {
                entered = _lock.Enter();
            }
            catch (ObjectDisposedException)
            {
                _memory.Refund(charged);
                throw;
            }

            try
            {
                start = TakeLocked(granules, alignment, account, user);
                if (start != None)
                {
                    return Obstacle.None;
                }

                // A request merges some of the blocks that wait, and some more before memory is committed for it; one that may not have memory merges all,
                // and so does a large one, which takes as long to be written to.
                if (frugal || granules > SizeBuckets.LargestGranules || (options & AllocationOptions.NoGrow) != 0)
                {
                    _heap.MergeDeferred();
                }
                else
                {
                    _heap.MergeBeforeGrowth();
                }

                start = TakeLocked(granules, alignment, account, user);
                if (start != None)
                {
                    return Obstacle.None;
                }

                if ((options & AllocationOptions.NoGrow) != 0)
                {
                    return Obstacle.NoGrow;
                }

                plan = _heap.PlanGrowth(needed, frugal, out uint firstPage, out uint endPage);
                if (plan == 0)
                {
                    // Finding that out took merging all.
                    start = TakeLocked(granules, alignment, account, user);
                    return start != None ? Obstacle.None : Obstacle.Room;
                }

                if (plan <= charged)
                {
                    _heap.Grow(firstPage, endPage, ref committed);
                    start = TakeLocked(granules, alignment, account, user);
                    return start != None ? Obstacle.None : Obstacle.Room;
                }
            }
            catch (VirtualMemoryException e)
            {
                refusal = e;
                start = None;
                return Obstacle.System;
            }
            finally
            {
                _lock.Exit(entered);
                _memory.Refund(charged - committed);
                charged = 0;
            }

            // Outside the lock: the budget raises events, and a handler may well come back here. What others do in between is seen on the next round.
            if (_memory.TryCharge(plan))
            {
                charged = plan;
            }
            else if (frugal)
            {
                return Obstacle.Budget;
            }
            else
            {
                frugal = true;
            }
        }
    }

    private uint TakeLocked(uint granules, nuint alignment, OwnerAccount? account, CollectableBlock? user)
    {
        uint start = _heap.TakeAligned(granules, alignment);
        if (start != None && (account is not null || _tags is not null))
        {
            try
            {
                if (_tags is null)
                {
                    _tags = new OwnerTags(_capacityBytes >> GranuleShift);
                    SetPlain(false);
                }

                _tags.Set(start, granules, account?.Slot ?? 0);
            }
            catch (VirtualMemoryException)
            {
                _heap.Untake(start, granules);
                throw;
            }
        }

        if (start != None && user is not null)
        {
            // Here and not once the block is handed out: whoever frees it with its owner in between would leave the note behind, for the next block at this place.
            SetPlain(false);
            (_collectables ??= [])[start] = new WeakReference<CollectableBlock>(user);
        }

        return start;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// In place whenever the block becomes smaller, which frees what is no longer needed, or when the free block behind it is large enough. An owner's account is charged
    /// with what is added and keeps the block, whatever <paramref name="owner"/> says, also in a new place.
    /// </remarks>
    public override nint Reallocate(nint address, nuint size, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (size > (nuint)_capacityBytes || !TryReallocateInPlace(address, size))
        {
            return Move(address, size, owner);
        }

        CheckPressure();
        return address;
    }

    /// <summary>To a new block, also where the old one would do for the base class: its usable size must be that of the request.</summary>
    private nint Move(nint address, nuint size, OwnerId owner)
    {
        nuint usable = SizeAndOwnerOf(address, out OwnerId holder);
        nint moved = Allocate(size, DefaultAlignment, AllocationOptions.None, holder == OwnerId.None ? owner : holder);
        nuint kept = nuint.Min(size, usable);
        Buffer.MemoryCopy((void*)address, (void*)moved, kept, kept);
        try
        {
            Free(address);
        }
        catch
        {
            // Another thread freed the old block: the caller learns that and keeps what it had.
            Free(moved);
            throw;
        }

        return moved;
    }

    private bool TryReallocateInPlace(nint address, nuint size)
    {
        uint wanted = (uint)((size + ((1 << GranuleShift) - 1)) >> GranuleShift);
        BiasedLock.Record? entered = _lock.Enter();
        uint start = _heap.GranuleAt(address);
        uint granules = start == None ? 0 : _heap.LiveLength(start);
        if (granules == 0)
        {
            throw FaultAndExit(address, entered);
        }

        try
        {
            int slot = _tags is null ? 0 : _tags.Get(start, granules);
            if (slot == 0 && _tags is not null && granules < 2 && wanted >= 2)
            {
                // A block of one granule has no tag; when it grows into one, the tag must say "nobody".
                return _heap.TryResize(start, granules, wanted) && NoteNobody(start, wanted);
            }

            if (slot == 0)
            {
                return _heap.TryResize(start, granules, wanted);
            }

            wanted = Math.Max(wanted, 2);
            OwnerAccount account = _owners.AccountAt(slot);
            long more = ((long)wanted - granules) << GranuleShift;
            if (more > 0 && !account.TryChargeMore(more))
            {
                return false;
            }

            bool done = _heap.TryResize(start, granules, wanted);
            if (done ? more < 0 : more > 0)
            {
                account.ReleaseSome(Math.Abs(more));
            }

            return done;
        }
        finally
        {
            _lock.Exit(entered);
        }
    }

    private bool NoteNobody(uint start, uint granules)
    {
        _tags!.Set(start, granules, 0);
        return true;
    }

    private Exception Failure(long requested, long used, OwnerId owner, Obstacle obstacle, OwnerAccount? account, VirtualMemoryException? refusal)
    {
        long available = CapacityBytes - used;
        return obstacle switch
        {
            Obstacle.Owner => account!.LimitReached(requested, Math.Max(2, (requested + (1 << GranuleShift) - 1) >> GranuleShift) << GranuleShift),
            Obstacle.Budget => _memory.LimitReached(requested, owner),
            Obstacle.Size => Failed("more than the capacity. Create the allocator with a larger one."),
            Obstacle.NoGrow => Failed("what is committed has no free block of that size, and the request forbids growing. Drop NoGrow."),
            Obstacle.System => Failed("the operating system refused memory. Free some, or raise the limit of the process or container."),
            _ => Failed("no run of free memory is that long. Free blocks, or create the allocator with a larger capacity."),
        };

        AllocationFailedException Failed(string reason) => new(Name, requested, available, owner, reason, refusal, used, CapacityBytes);
    }
}

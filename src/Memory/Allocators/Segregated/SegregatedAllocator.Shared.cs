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

    private nint AllocateFully(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, bool throws, WeakReference<CollectableBlock>? user = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (!BitOperations.IsPow2(alignment) || alignment > LargestAlignment)
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, $"Alignment must be a power of two, at most {LargestAlignment:N0}.");
        }

        options.ThrowIfUndefined();
        Request request = new() { Alignment = alignment, Options = options, Owner = owner, User = user };
        return AllocateFully(size, ref request, throws);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint AllocateFully(nuint size, ref Request request, bool throws)
    {
        OwnerId owner = request.Owner;
        VirtualMemoryException? refusal = null;
        Obstacle obstacle = Obstacle.Size;
        if (size <= (nuint)_capacityBytes)
        {
            uint granules = (uint)((size + ((1 << GranuleShift) - 1)) >> GranuleShift);
            request.Granules = owner == OwnerId.None ? granules : Math.Max(granules, 2);
            obstacle = Find(ref request, ref refusal, out uint start);
            if (obstacle is Obstacle.Room or Obstacle.Budget && MakeRoom())
            {
                obstacle = Find(ref request, ref refusal, out start);
            }

            if (start != None)
            {
                return HandOut(start, size, owner);
            }
        }

        bool counts = FailuresOf(request.Options) > 0;
        Interlocked.Add(ref _failures, counts ? 1 : 0);
        long requested = Saturated(size);
        LimitExceededException? limit = obstacle == Obstacle.Owner ? _owners.Refuse(owner, requested, counts, (long)request.Granules << GranuleShift) : null;
        long used;
        BiasedLock.Record? entered = _lock.Enter();
        used = _heap.LiveGranules << GranuleShift;
        _lock.Exit(entered);
        if (counts)
        {
            Observer?.OnAllocationFailed(this, requested, CapacityBytes - used, owner);
        }

        return !throws ? 0 : throw limit ?? Failure(requested, used, owner, obstacle, refusal);
    }

    private nint HandOut(uint start, nuint size, OwnerId owner)
    {
        nint address = _heap.AddressOf(start);
        Observer?.OnAllocated(this, address, (long)size, owner);
        CheckPressure();
        return address;
    }

    /// <summary>Takes a block, growing the heap where that is needed and allowed.</summary>
    private Obstacle Find(ref Request request, ref VirtualMemoryException? refusal, out uint start)
    {
        ulong needed = request.Granules + Math.Max(1, (ulong)request.Alignment >> GranuleShift) - 1;
        bool mayGrow = (request.Options & AllocationOptions.NoGrow) == 0;
        long charged = 0;
        bool frugal = false;
        start = None;
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
                Obstacle obstacle = TakeLocked(ref request, out start);
                if (obstacle != Obstacle.Room)
                {
                    return obstacle;
                }

                // A request merges some of the blocks that wait, and some more before memory is committed for it; one that may not have memory merges all,
                // and so does a large one, which takes as long to be written to.
                if (frugal || request.Granules > SizeBuckets.LargestGranules || !mayGrow)
                {
                    _heap.MergeDeferred();
                }
                else
                {
                    _heap.MergeBeforeGrowth();
                }

                obstacle = TakeLocked(ref request, out start);
                if (obstacle != Obstacle.Room)
                {
                    return obstacle;
                }

                if (!mayGrow)
                {
                    return Obstacle.NoGrow;
                }

                plan = _heap.PlanGrowth(needed, frugal, out uint firstPage, out uint endPage);
                if (plan == 0)
                {
                    // Finding that out took merging all.
                    return TakeLocked(ref request, out start);
                }

                if (plan <= charged)
                {
                    _heap.Grow(firstPage, endPage, ref committed);
                    return TakeLocked(ref request, out start);
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
                if (start != None && (request.Options & AllocationOptions.Zeroed) != 0)
                {
                    // Before the refund, which may call a handler.
                    _memory.ClearAndEndUse(_heap.AddressOf(start), (nuint)request.Granules << GranuleShift);
                }

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

    /// <summary>Takes a block from what is committed, of which a use has begun where it is to be zeroed, and charges its owner: <see cref="Obstacle.Room"/> when there is none, <see cref="Obstacle.Owner"/> when the owner may not have it.</summary>
    private Obstacle TakeLocked(ref Request request, out uint start)
    {
        start = None;
        long bytes = (long)request.Granules << GranuleShift;
        if (request.Owner != OwnerId.None && !_owners.HasRoom(request.Owner, bytes - BytesToMoveLocked(request)))
        {
            return Obstacle.Owner;
        }

        if (request.User is not null)
        {
            // Room for the note of its user. Fast paths look at no notes, so they are closed before there are any.
            SetPlain(false);
            TableRoom.Make(_collectables ??= [], 1);
        }

        uint taken = _heap.TakeAligned(request.Granules, request.Alignment);
        if (taken == None)
        {
            return Obstacle.Room;
        }

        bool done = false;
        try
        {
            // An owner's account is made when it gets its first block, so that refused requests leave none behind.
            OwnerAccount? account = request.Owner == OwnerId.None ? null : _owners.TryAccountOf(request.Owner);
            if (account is null && request.Owner != OwnerId.None)
            {
                return Obstacle.Owner;
            }

            Tag(taken, request.Granules, account);
            if (account is not null && !account.TryCharge(bytes) && !TryMoveLocked(ref request, account, taken))
            {
                return Obstacle.Owner;
            }

            done = true;
        }
        finally
        {
            if (!done)
            {
                _heap.Untake(taken, request.Granules);
            }
        }

        if (request.User is { } user)
        {
            // Here and not once the block is handed out: whoever frees it with its owner in between would leave the note behind, for the next block at this place.
            _collectables![taken] = user;
        }

        if ((request.Options & AllocationOptions.Zeroed) != 0)
        {
            _memory.BeginUse();
        }

        start = taken;
        return Obstacle.None;
    }

    private void Tag(uint start, uint granules, OwnerAccount? account)
    {
        if (account is not null && _tags is null)
        {
            // Before the tags, without which this is asked for again: their fast paths must not be open without it.
            SetPlain(false);
            _ended ??= new LastLives(EndedPlacesLog);
            _tags = new OwnerTags(_capacityBytes >> GranuleShift);
        }

        _tags?.Set(start, granules, account?.Slot ?? 0);
    }

    private Exception Failure(long requested, long used, OwnerId owner, Obstacle obstacle, VirtualMemoryException? refusal)
    {
        long available = CapacityBytes - used;
        return obstacle switch
        {
            Obstacle.Budget => _memory.LimitReached(requested, owner),
            Obstacle.Size => Failed("more than the capacity. Create the allocator with a larger one."),
            Obstacle.NoGrow => Failed("what is committed has no free block of that size, and the request forbids growing. Drop NoGrow."),
            Obstacle.System => Failed("the operating system refused memory. Free some, or raise the limit of the process or container."),
            _ => Failed("no run of free memory is that long. Free blocks, or create the allocator with a larger capacity."),
        };

        AllocationFailedException Failed(string reason) => new(Name, requested, available, owner, reason, refusal, used, CapacityBytes);
    }

    /// <summary>What is asked for.</summary>
    private struct Request
    {
        /// <summary>Granules of the block; with an owner at least two.</summary>
        internal uint Granules;

        internal nuint Alignment;

        internal AllocationOptions Options;

        internal OwnerId Owner;

        /// <summary>The handle that the block is for, or null. Weak already: making it so takes managed memory, which may not be there once the block is.</summary>
        internal WeakReference<CollectableBlock>? User;

        /// <summary>A block of the owner's that is to move to the new one; 0 for none.</summary>
        internal nint From;

        /// <summary>Whether it has moved, and <see cref="From"/> is free.</summary>
        internal bool HasMoved;
    }
}

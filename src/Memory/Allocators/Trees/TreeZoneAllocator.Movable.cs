using System.Diagnostics;
using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Movable blocks, and the defragmentation that moves them and nothing else.</summary>
public sealed unsafe partial class TreeZoneAllocator
{
    // How much of the map is looked through without giving the zone's lock back: 64 MiB, a few microseconds.
    private const int SearchGranules = 4 << 20;

    private readonly Lock _defragmentation = new();

    /// <summary>Allocates a block that <see cref="Defragment"/> may move while it is not pinned.</summary>
    /// <param name="size">Bytes, 1 or more.</param>
    /// <param name="level">Membrane level, 0 to 7, which it stays in; −1 for the one that <see cref="Allocate"/> would choose.</param>
    /// <param name="options">Zeroing, growth.</param>
    /// <param name="owner">Tag for accounting.</param>
    /// <exception cref="ArgumentOutOfRangeException">Size or level is not one there is.</exception>
    /// <exception cref="AllocationFailedException">No room.</exception>
    /// <exception cref="LimitExceededException">Limit or budget are full.</exception>
    public MovableHandle AllocateMovable(nuint size, int level = -1, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        level = level == -1 ? -1 : CheckLevel(level);
        MovableHandle handle;
        EnterMovables();
        try
        {
            handle = _movables.Take(owner);
        }
        catch (VirtualMemoryException e)
        {
            Interlocked.Increment(ref _failedAllocations);
            long requested = Saturated(size);
            throw new AllocationFailedException(Name, requested, 0, owner, "there is no room for one more movable handle.", e, Volatile.Read(ref _liveBytes), _memory.LimitBytes);
        }
        finally
        {
            _movables.Lock.Exit();
        }

        nint address = 0;
        try
        {
            address = AllocateOrThrow(new Request(size, DefaultAlignment, options, owner, level, handle: handle.Slot));
            return handle;
        }
        finally
        {
            EnterMovables();
            if (address == 0)
            {
                _movables.Retire(handle);
                _movables.Recycle(handle);
            }
            else
            {
                _movables.Find(handle)->Address = address;
            }

            _movables.Lock.Exit();
        }
    }

    /// <summary>Gives a movable block back.</summary>
    /// <exception cref="MemoryFaultException">The handle's block is free already (<see cref="MemoryFault.DoubleFree"/>), or the handle is not this allocator's (<see cref="MemoryFault.ForeignFree"/>).</exception>
    /// <exception cref="TreeZoneException">The block is pinned (<see cref="TreeZoneError.InvalidArgument"/>).</exception>
    public void Free(MovableHandle handle)
    {
        nint address;
        EnterMovables();
        try
        {
            MovableTable.Entry* entry = Find(handle);
            if (entry->Pins > 0)
            {
                throw new TreeZoneException(TreeZoneError.InvalidArgument, $"The movable block at 0x{entry->Address:x} is pinned {entry->Pins} times. Unpin it before it is freed.");
            }

            address = entry->Address;
            _movables.Retire(handle);
        }
        finally
        {
            _movables.Lock.Exit();
        }

        // Nobody moves it any more: the slot does not know it.
        Free(address, 0, sized: false, fromHandle: true);
        EnterMovables();
        _movables.Recycle(handle);
        _movables.Lock.Exit();
    }

    /// <summary>Keeps a movable block where it is until the pin is disposed. Pins of one block add up.</summary>
    /// <exception cref="MemoryFaultException">The handle's block is free, or the handle is not this allocator's.</exception>
    public MovablePin Pin(MovableHandle handle)
    {
        EnterMovables();
        try
        {
            MovableTable.Entry* entry = Find(handle);
            entry->Pins = checked(entry->Pins + 1);
            return new MovablePin(this, handle, entry->Address);
        }
        finally
        {
            _movables.Lock.Exit();
        }
    }

    /// <summary>Usable bytes of a movable block.</summary>
    /// <exception cref="MemoryFaultException">The handle's block is free, or the handle is not this allocator's.</exception>
    public nuint UsableSize(MovableHandle handle)
    {
        using MovablePin pin = Pin(handle);
        return UsableSize(pin.Address);
    }

    /// <summary>
    /// Moves movable blocks that are not pinned to lower addresses of their level, highest first, until none can go lower or the time is over, and gives idle pages back (<c>dtesn_mem_defragment</c>).
    /// </summary>
    /// <param name="budget">The most time it may take, or null for as long as it takes. Looked at before each move, so that it is overdrawn by one move at most; call again to go on.</param>
    /// <returns>What was recovered. Raw blocks and pinned ones stay where they are, and nothing is committed.</returns>
    /// <remarks>Other threads go on: a zone is locked for one search or one marking at a time, the handles for one move, in which a pin waits for the copy.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The budget is not positive.</exception>
    public TreeDefragmentation Defragment(TimeSpan? budget = null)
    {
        if (budget is { } given)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(given, TimeSpan.Zero, nameof(budget));
        }

        long started = Stopwatch.GetTimestamp();
        Progress progress = new() { Started = started, Budget = budget ?? Timeout.InfiniteTimeSpan };
        lock (_defragmentation)
        {
            ThrowIfDisposed();
            long before = HeldDown(out _);
            bool complete = true;
            for (int level = 0; level < LevelCount && complete; level++)
            {
                complete = Compact(_zones[level], ref progress);
            }

            long after = HeldDown(out long live);
            long decommitted = progress.IsOver ? 0 : Trim();
            double fragmentation = after > 0 ? Math.Max(0, 100 * (1 - ((double)live / after))) : 0;
            return new TreeDefragmentation
            {
                BytesRecovered = Math.Max(0, before - after),
                BytesDecommitted = decommitted,
                BlocksMoved = progress.Blocks,
                BytesMoved = progress.Bytes,
                FragmentationPercent = fragmentation,
                IsComplete = complete,
                Error = !complete ? TreeZoneError.LatencyExceeded : fragmentation > FragmentationThresholdPercent ? TreeZoneError.Fragmented : TreeZoneError.None,
            };
        }
    }

    internal void Unpin(MovableHandle handle)
    {
        if (Volatile.Read(ref _disposed))
        {
            return;
        }

        EnterMovables();
        MovableTable.Entry* entry = _movables.Find(handle);
        if (entry != null && entry->Pins > 0)
        {
            entry->Pins--;
        }

        _movables.Lock.Exit();
    }

    /// <summary>Moves what can go lower, again and again until nothing does: what moved down late may have made room for what was looked at early.</summary>
    private bool Compact(TreeZone zone, ref Progress progress)
    {
        long moved;
        do
        {
            moved = progress.Blocks;
            int cursor = int.MaxValue;
            while (true)
            {
                if (progress.IsOver)
                {
                    return false;
                }

                int granule;
                int slot;
                zone.Lock.Enter();
                try
                {
                    ThrowIfDisposed();
                    cursor = Math.Min(cursor, zone.EndGranule);
                    int floor = Math.Max(zone.FirstGranule, cursor - SearchGranules);
                    granule = _tags.LastMovableBefore(cursor, floor, out slot);
                    cursor = granule < 0 ? floor : granule;
                    if (granule < 0 && floor <= zone.FirstGranule)
                    {
                        break;
                    }
                }
                finally
                {
                    zone.Lock.Exit();
                }

                long bytes = granule < 0 ? 0 : MoveDown(zone, granule, slot);
                progress.Blocks += bytes > 0 ? 1 : 0;
                progress.Bytes += bytes;
            }
        }
        while (progress.Blocks > moved);
        return true;
    }

    /// <summary>Moves one block to the first fit below it; the bytes moved, 0 when it stays.</summary>
    private long MoveDown(TreeZone zone, int granule, int slot)
    {
        EnterMovables();
        try
        {
            // Under the handles' lock nobody pins it, frees it or moves it, so its bytes are nobody's while they are copied.
            MovableTable.Entry* entry = _movables.FindUnpinned(slot, AddressOf(granule));
            if (entry == null)
            {
                return 0;
            }

            int count;
            int target;
            zone.Lock.Enter();
            try
            {
                ThrowIfDisposed();
                if (granule < zone.FirstGranule || granule >= zone.EndGranule || !_map.IsLiveStart(granule))
                {
                    return 0;
                }

                count = _map.EndOf(granule, zone.EndGranule) - granule;
                target = zone.Find(count, 1, committedOnly: true, -1);
                if (target < 0 || target > granule)
                {
                    return 0;
                }

                _tags.Prepare(target);
                Take(zone, target, count, _map.UnusedOf(granule, count));
                _tags.Add(target, slot, movable: true);
            }
            catch (VirtualMemoryException)
            {
                // No memory for the bookkeeping of a move: the block stays where it is.
                return 0;
            }
            finally
            {
                zone.Lock.Exit();
            }

            long bytes = (long)count << LeafMap.GranuleShift;
            NativeMemory.Copy((void*)AddressOf(granule), (void*)AddressOf(target), (nuint)bytes);
            entry->Address = AddressOf(target);
            zone.Lock.Enter();
            _tags.Remove(granule);
            Release(zone, zone.MembraneOf(granule), granule, count);
            zone.Ended!.Note((uint)granule, (uint)count, new OwnerId(_movables.OwnerOf(slot)));
            zone.Lock.Exit();
            return bytes;
        }
        finally
        {
            _movables.Lock.Exit();
        }
    }

    /// <summary>Bytes of committed pages that hold at least one live block.</summary>
    private long HeldDown(out long live)
    {
        long held = 0;
        live = 0;
        foreach (TreeZone zone in _zones)
        {
            zone.Lock.Enter();
            held += (zone.CommittedLeaves - zone.IdleLeaves) * LeafMap.LeafBytes;
            live += zone.LiveGranules << LeafMap.GranuleShift;
            zone.Lock.Exit();
        }

        return held;
    }

    private void EnterMovables()
    {
        _movables.Lock.Enter();
        if (_disposed)
        {
            _movables.Lock.Exit();
            throw new ObjectDisposedException(Name);
        }
    }

    private MovableTable.Entry* Find(MovableHandle handle)
    {
        MovableTable.Entry* entry = _movables.Find(handle);
        return entry != null && entry->Address != 0 ? entry
            : throw (_movables.IsOurs(handle)
                ? new MemoryFaultException(Name, MemoryFault.DoubleFree, 0, 0, _movables.FormerOwner(handle), "the handle names no live block any more: it was freed, or all were by a reset.")
                : new MemoryFaultException(Name, MemoryFault.ForeignFree, 0, 0, OwnerId.None, "the handle was not given out by this allocator. Give it back where it came from."));
    }

    private struct Progress
    {
        internal long Started;
        internal TimeSpan Budget;
        internal long Blocks;
        internal long Bytes;

        internal readonly bool IsOver => Budget != Timeout.InfiniteTimeSpan && Stopwatch.GetElapsedTime(Started) >= Budget;
    }
}

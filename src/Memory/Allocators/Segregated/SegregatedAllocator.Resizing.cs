using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Making blocks larger and smaller.</summary>
public sealed unsafe partial class SegregatedAllocator
{
    /// <inheritdoc/>
    /// <remarks>
    /// In place whenever the block becomes smaller, which frees what is no longer needed, or when the free block behind it is large enough. An owner's account is charged
    /// with what is added and keeps the block, whatever <paramref name="owner"/> says, also in a new place; what <see cref="Protect"/> said stays too.
    /// </remarks>
    public override nint Reallocate(nint address, nuint size, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        return TryResizeInPlace(address, size) ? address : Move(address, size, owner);
    }

    /// <inheritdoc/>
    protected internal override bool TryResizeInPlace(nint address, nuint size)
    {
        if (size > (nuint)_capacityBytes || !TryReallocateInPlace(address, size))
        {
            return false;
        }

        CheckPressure();
        return true;
    }

    /// <summary>To a new block, also where the old one would do for the base class: its usable size must be that of the request.</summary>
    private nint Move(nint address, nuint size, OwnerId owner)
    {
        nuint usable = SizeAndOwnerOf(address, out OwnerId holder);
        Request request = new() { Alignment = DefaultAlignment, Owner = holder, From = address };
        nint moved = holder == OwnerId.None ? Allocate(size, DefaultAlignment, AllocationOptions.None, owner) : AllocateFully(size, ref request, throws: true);
        if (request.HasMoved)
        {
            Observer?.OnFreed(this, address, (long)usable, holder);
            return moved;
        }

        MoveProtection(address, moved);
        CopyAndFree(address, moved, nuint.Min(size, usable));
        return moved;
    }

    /// <summary>
    /// Moves a block to a new place for which its owner's limit has no room beside the old one, but has instead of it: all under the lock, so that the owner never holds more than its limit and nobody
    /// sees it hold both. Elsewhere the bytes are copied outside the lock.
    /// </summary>
    private bool TryMoveLocked(ref Request request, OwnerAccount account, uint target)
    {
        long held = BytesToMoveLocked(request);
        long more = ((long)request.Granules << GranuleShift) - held;
        uint start = _heap.GranuleAt(request.From);
        if (held == 0 || more < 0 || !account.TryReserve(more))
        {
            return false;
        }

        Buffer.MemoryCopy((void*)request.From, (void*)_heap.AddressOf(target), held, held);
        MoveProtectionLocked(start, target);
        if (!_heap.TryGive(start, (uint)(held >> GranuleShift)))
        {
            _protected?.Remove(target);
            account.ReleaseSome(more);
            return false;
        }

        EndLifeLocked(start, (uint)(held >> GranuleShift), request.Owner);
        account.NoteMove();
        request.HasMoved = true;
        return true;
    }

    /// <summary>Bytes of the owner's block that a request is to take the place of; 0 when it is not the owner's any more, or there is none.</summary>
    private long BytesToMoveLocked(in Request request)
    {
        uint start = request.From == 0 ? None : _heap.GranuleAt(request.From);
        uint granules = start == None ? 0 : _heap.LiveLength(start);
        return granules != 0 && OwnerOf(start, granules) == request.Owner ? (long)granules << GranuleShift : 0;
    }

    private void MoveProtection(nint from, nint to)
    {
        if (_protected is null)
        {
            return;
        }

        BiasedLock.Record? entered = _lock.Enter();
        try
        {
            MoveProtectionLocked(_heap.GranuleAt(from), _heap.GranuleAt(to));
        }
        finally
        {
            _lock.Exit(entered);
        }
    }

    private void MoveProtectionLocked(uint from, uint to)
    {
        if (_protected is not null && _protected.TryGetValue(from, out PageAccess access))
        {
            _protected[to] = access;
        }
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
            if (more > 0 && !account.TryReserve(more))
            {
                return false;
            }

            bool done = _heap.TryResize(start, granules, wanted);
            if (done ? more < 0 : more > 0)
            {
                account.ReleaseSome(Math.Abs(more));
            }

            account.NotePeak();
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
}

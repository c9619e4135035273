namespace DimensionStore.Memory;

/// <summary>Blocks that become larger or smaller.</summary>
public sealed unsafe partial class DiagnosticLayer
{
    /// <inheritdoc/>
    /// <remarks>
    /// In place where the allocator beneath can; otherwise in a new block, and the old one goes into quarantine, where it is charged to its owner until it leaves. The block stays its owner's where
    /// <paramref name="owner"/> names nobody or owners have limits, and keeps the place and the time at which it was allocated, also where it moves. The stack, if one is captured, is that of the move.
    /// </remarks>
    public override nint Reallocate(nint address, nuint size, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (TryResizeInPlace(address, size))
        {
            return address;
        }

        nuint kept = nuint.Min(size, UsableSize(address));
        BlockRecord origin = TryLook(address, out BlockRecord record) ? record : default;
        bool staysItsOwners = owner == OwnerId.None || (_keepsOwners && origin.Owner != 0);
        nint moved = Take(size, DefaultAlignment, AllocationOptions.None, staysItsOwners ? new OwnerId(origin.Owner) : owner, AllocationSiteScope.Current, throws: true);
        CopyAndFree(address, moved, kept);
        SetOrigin(moved, origin);
        return moved;
    }

    /// <inheritdoc/>
    protected internal override void NoteSize(nint address, nuint size) => Resize(address, size, isNoted: true);

    /// <inheritdoc/>
    /// <remarks>The guards are checked first, and the one behind the block moves with its end. A block on guard pages stays where it is only if it loses no more than half.</remarks>
    protected internal override bool TryResizeInPlace(nint address, nuint size)
    {
        CheckThread();
        return Resize(address, size, isNoted: false);
    }

    /// <summary>Changes what is recorded of a live block and, unless the size is only to be noted, what it has beneath.</summary>
    private bool Resize(nint address, nuint size, bool isNoted)
    {
        BlockRecordTable.Shard shard = _records.ShardOf(address);
        MemoryFaultRecord? fault = null;
        BlockRecord seen = default;
        nuint total = 0;
        bool isLive = false;
        shard.Lock.Enter();
        try
        {
            ThrowIfClosed(shard);
            BlockRecord* record = shard.Find(address);
            seen = record is null ? default : *record;
            isLive = record is not null && record->State == RecordState.Live;
            fault = isLive ? GuardFault(seen) : null;
            if (isLive && fault is null)
            {
                if (isNoted || (seen.Place == RecordPlace.Pages && Fits(seen, size)))
                {
                    SetSize(record, size);
                    return true;
                }

                nuint around = (nuint)(seen.Address - seen.Base) + (seen.Place == RecordPlace.Guarded ? (nuint)GuardBytes.Length : 0);
                if (seen.Place == RecordPlace.Pages || size > nuint.MaxValue - around)
                {
                    return false;
                }

                total = size + around;
                record->State = RecordState.Resizing;
                Interlocked.Increment(ref shard.Leaving);
            }
        }
        finally
        {
            shard.Lock.Exit();
        }

        fault ??= isLive ? null : Misuse(address, seen);
        return fault is null ? ResizeBeneath(shard, seen, total, size) : throw Refusal(fault);
    }

    /// <summary>Resizes beneath a block that is marked so. Outside the lock, because the allocator beneath raises events.</summary>
    private bool ResizeBeneath(BlockRecordTable.Shard shard, in BlockRecord block, nuint total, nuint size)
    {
        bool isOpen = false;
        bool isResized = false;
        bool done = false;
        LeavingNote note = new(shard.Number, t_leaving);
        t_leaving = &note;
        try
        {
            isResized = Inner.TryResizeInPlace(block.Base, total);
            done = isResized || Fits(block, size);
        }
        catch
        {
            // A handler may throw after the fact: guards belong where the block ends now.
            isResized = done = IsResizedTo(block, total);
            throw;
        }
        finally
        {
            shard.Lock.Enter();
            isOpen = !shard.IsClosed;
            BlockRecord* record = isOpen ? shard.Find(block.Address) : null;

            // Otherwise a reset or dispose was quicker, and frees the block beneath.
            if (record is not null && record->State == RecordState.Resizing)
            {
                record->State = RecordState.Live;
                record->TotalBytes = isResized ? (long)total : record->TotalBytes;
                if (done)
                {
                    SetSize(record, size);
                }
            }

            shard.Lock.Exit();
            HasLeft(shard, note);
        }

        ObjectDisposedException.ThrowIf(!isOpen, this);
        return done;
    }

    /// <summary>Whether a block has the length beneath that was asked for, and not the one it had.</summary>
    private bool IsResizedTo(in BlockRecord block, nuint total)
    {
        nuint usable = Inner.Owns(block.Base) ? Inner.UsableSize(block.Base) : 0;
        return usable >= total && (total > (nuint)block.TotalBytes || usable < (nuint)block.TotalBytes);
    }

    /// <summary>Whether a block does for a size as it is.</summary>
    private static bool Fits(in BlockRecord block, nuint size) => size <= (nuint)block.Requested && (nuint)block.Requested / 2 <= size;

    /// <summary>Records another size of a live block and puts the guards there. With the lock.</summary>
    private void SetSize(BlockRecord* record, nuint size)
    {
        CountLive((long)size - record->Requested);
        if (record->Place == RecordPlace.Pages)
        {
            AccountOf(*record)?.ReleaseSome(record->Requested - (long)size);
        }

        record->Requested = (long)size;
        WriteGuards(*record);
    }

    /// <summary>Gives a live block the place and time of another.</summary>
    private void SetOrigin(nint address, in BlockRecord origin)
    {
        BlockRecordTable.Shard shard = _records.ShardOf(address);
        shard.Lock.Enter();
        BlockRecord* record = shard.IsClosed ? null : shard.Find(address);
        if (record is not null && record->State == RecordState.Live)
        {
            record->Site = origin.Site;
            record->Ticks = origin.Ticks;
        }

        shard.Lock.Exit();
    }
}

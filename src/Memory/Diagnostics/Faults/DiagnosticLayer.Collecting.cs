namespace DimensionStore.Memory;

/// <summary>What the allocator beneath frees of its own accord: blocks of owners that have ended.</summary>
public sealed unsafe partial class DiagnosticLayer
{
    // The guard before a block is as long as the block's alignment, and more than this no allocator offers.
    private const long LongestLead = 1L << 32;

    private bool _hasLeftEarly;

    internal override nint AddressAbove(nint core, MemoryAllocator collector)
    {
        if (_pages?.Contains(core) == true)
        {
            return core;
        }

        nint start = Inner.AddressAbove(core, collector);
        if (start == 0 || !_hasCanaries)
        {
            return start != 0 && IsHeldAt(start, start) ? start : 0;
        }

        for (long lead = GuardBytes.Length; lead <= LongestLead; lead *= 2)
        {
            if (IsHeldAt(start + (nint)lead, start))
            {
                return start + (nint)lead;
            }
        }

        return 0;
    }

    /// <inheritdoc/>
    /// <remarks>A live block and one in quarantine leave at once. Damage to either is a finding, since the owner, who would be told, is gone.</remarks>
    internal override long FreeCollected(nint core, OwnerId owner, MemoryAllocator collector)
    {
        bool isQuiet = _underWay.IsNothing;
        nint address = AddressAbove(core, collector);
        if (address == 0)
        {
            // Asked before and after: a block that is being taken when this is called, or being freed while its record is looked for, is somebody's business.
            return isQuiet && _underWay.IsNothing ? Inner.FreeCollected(core, owner, collector) : 0;
        }

        int resets = Volatile.Read(ref _resetsEnded);
        BlockRecordTable.Shard shard = _records.ShardOf(address);
        if (!TryCollect(shard, address, owner, out BlockRecord block, out MemoryFaultRecord? fault))
        {
            return 0;
        }

        long freed = 0;
        bool stays = false;
        LeavingNote note = new(shard.Number, t_leaving);
        t_leaving = &note;
        try
        {
            freed = FreeCollectedBeneath(core, owner, collector, block);
            stays = freed == 0;
        }
        catch (MemoryFaultException)
        {
            stays = true;
            throw;
        }
        finally
        {
            // After any other error, as of a handler of events beneath, the block is free there.
            if (stays)
            {
                Restore(shard, block, resets);
            }
            else if (block.State == RecordState.Quarantined)
            {
                Volatile.Write(ref _hasLeftEarly, true);
            }

            HasLeft(shard, note);
        }

        if (stays)
        {
            return 0;
        }

        if (fault is not null)
        {
            Report(fault);
        }

        return freed;
    }

    private long FreeCollectedBeneath(nint core, OwnerId owner, MemoryAllocator collector, in BlockRecord block)
    {
        if (block.Place == RecordPlace.Pages)
        {
            RetirePages(block);
            return block.Requested;
        }

        long freed = Inner.FreeCollected(core, owner, collector);
        if (freed > 0)
        {
            _stacks.Drop(block.Stack);
        }

        return freed;
    }

    internal override void AddBlocksBeside(OwnerId owner, List<nint> found, MemoryAllocator collector)
    {
        Inner.AddBlocksBeside(owner, found, collector);
        if (_pages is not null)
        {
            found.AddRange(Snapshot(record => record.Place == RecordPlace.Pages && record.State == RecordState.Live && record.Owner == owner.Value).Select(record => record.Address));
        }
    }

    internal override void EndCollection()
    {
        if (Volatile.Read(ref _hasLeftEarly))
        {
            Volatile.Write(ref _hasLeftEarly, false);
            _quarantine.RemoveUnless(IsQuarantined);
        }

        Inner.EndCollection();
    }

    private bool IsHeldAt(nint address, nint start) => TryLook(address, out BlockRecord record) && record.Base == start && record.State != RecordState.Freed;

    private bool IsQuarantined(nint address) => TryLook(address, out BlockRecord record) && record.State == RecordState.Quarantined;

    /// <summary>Ends a block in the records, if it is the owner's; <paramref name="block"/> is as it was before.</summary>
    private bool TryCollect(BlockRecordTable.Shard shard, nint address, OwnerId owner, out BlockRecord block, out MemoryFaultRecord? fault)
    {
        block = default;
        fault = null;
        shard.Lock.Enter();
        try
        {
            BlockRecord* record = shard.IsClosed ? null : shard.Find(address);
            bool isLive = record is not null && record->State == RecordState.Live;
            bool isQuarantined = record is not null && record->State == RecordState.Quarantined && record->Place != RecordPlace.Pages;
            if (!(isLive || isQuarantined) || record->Owner != owner.Value)
            {
                return false;
            }

            block = *record;
            fault = block.IsReported ? null : GuardFault(block, isCollected: true);
            if (block.Place == RecordPlace.Pages)
            {
                record->State = RecordState.Quarantined;
            }
            else
            {
                record->State = RecordState.Freed;
                record->Stack = 0;
            }

            shard.Frees += isLive ? 1 : 0;
            Interlocked.Increment(ref shard.Leaving);
        }
        finally
        {
            shard.Lock.Exit();
        }

        if (block.State == RecordState.Live)
        {
            CountLive(-block.Requested);
        }

        return true;
    }
}

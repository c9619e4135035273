namespace DimensionStore.Memory;

/// <summary>The way out: checks, quarantine, and giving back beneath.</summary>
public sealed unsafe partial class DiagnosticLayer
{
    // Blocks that this thread is giving back: above 0 in the handlers of events beneath, who may reset or dispose the layer and must not wait for themselves.
    [ThreadStatic]
    private static int t_leaving;

    private void Release(nint address, nuint size, bool sized)
    {
        CheckThread();
        BeginUnderWay();
        try
        {
            CheckAndRelease(address, size, sized);
        }
        finally
        {
            EndUnderWay();
        }
    }

    private void CheckAndRelease(nint address, nuint size, bool sized)
    {
        BlockRecordTable.Shard shard = _records.ShardOf(address);
        BlockRecord block = default;
        MemoryFaultRecord? fault = null;
        bool isOurs = false;
        shard.Lock.Enter();
        try
        {
            ThrowIfClosed(shard);
            BlockRecord* record = shard.Find(address);
            block = record is null ? default : *record;
            isOurs = record is not null && record->State == RecordState.Live;
            if (isOurs)
            {
                fault = sized && (nuint)block.Requested != size
                    ? Describe(block, MemoryFault.WrongSize, $"freed as {size:N0} bytes. Free with the size that was asked for.")
                    : GuardFault(block);
                if (fault is null)
                {
                    // Not free beneath before the record says so: the next holder of the address needs it.
                    record->State = StateAfterFree(block);
                    Interlocked.Increment(ref shard.Leaving);
                    shard.Frees++;
                }
            }
        }
        finally
        {
            shard.Lock.Exit();
        }

        fault ??= isOurs ? null : Misuse(address, block);
        if (fault is not null)
        {
            throw Refusal(fault);
        }

        CountLive(-block.Requested);
        switch (StateAfterFree(block))
        {
            case RecordState.Quarantined:
                RetirePages(block);
                HasLeft(block.Address);
                break;
            case RecordState.Freeing:
                PoisonAndQuarantine(block);
                break;
            default:
                GiveBackOrRestore(block);
                _stacks.Drop(block.Stack);
                break;
        }
    }

    /// <summary>Ends what began when the block was found in its shard.</summary>
    private void HasLeft(nint address) => Interlocked.Decrement(ref _records.ShardOf(address).Leaving);

    /// <summary>Gives a block back; when the allocator beneath finds a fault of its own in it, the block is live again, as it was.</summary>
    private void GiveBackOrRestore(in BlockRecord block)
    {
        try
        {
            GiveBack(block);
        }
        catch (MemoryFaultException)
        {
            if (Move(block.Address, RecordState.Freed, RecordState.Live))
            {
                Interlocked.Decrement(ref _records.ShardOf(block.Address).Frees);
                CountLive(block.Requested);
            }

            throw;
        }
        finally
        {
            HasLeft(block.Address);
        }
    }

    private RecordState StateAfterFree(in BlockRecord block) =>
        block.Place == RecordPlace.Pages ? RecordState.Quarantined
        : _quarantine.CapacityBytes >= block.TotalBytes ? RecordState.Freeing
        : RecordState.Freed;

    private void PoisonAndQuarantine(in BlockRecord block)
    {
        // Outside the lock, so that a large block keeps nobody waiting; nobody else touches a block in this state, and reset and dispose wait for it.
        new Span<byte>((void*)block.Address, checked((int)Math.Min(block.Requested, int.MaxValue))).Fill(GuardBytes.Poison);
        bool isStillOurs = Move(block.Address, RecordState.Freeing, RecordState.Quarantined);
        HasLeft(block.Address);
        if (!isStillOurs)
        {
            // A reset or dispose was quicker, and frees the block beneath.
            return;
        }

        if (!_quarantine.TryAdd(block.Address, block.TotalBytes))
        {
            LeaveQuarantine(block.Address);
            return;
        }

        while (_quarantine.TryLeave(always: false, out nint oldest))
        {
            LeaveQuarantine(oldest);
        }
    }

    /// <summary>Checks a block that leaves the quarantine and gives it back beneath.</summary>
    private void LeaveQuarantine(nint address)
    {
        BeginUnderWay();
        BlockRecordTable.Shard shard = _records.ShardOf(address);
        shard.Lock.Enter();
        BlockRecord* record = shard.IsClosed ? null : shard.Find(address);
        if (record is null || record->State != RecordState.Quarantined)
        {
            shard.Lock.Exit();
            EndUnderWay();
            return;
        }

        BlockRecord block = *record;
        MemoryFaultRecord? fault = block.IsReported ? null : GuardFault(block);
        record->State = RecordState.Freed;
        record->Stack = 0;
        Interlocked.Increment(ref shard.Leaving);
        shard.Lock.Exit();
        try
        {
            GiveBack(block);
        }
        catch (MemoryFaultException e)
        {
            // The caller frees another block, so it is not told.
            fault ??= Describe(block, e.Fault, e.Message);
        }
        finally
        {
            EndUnderWay();
            HasLeft(address);
        }

        _stacks.Drop(block.Stack);
        if (fault is not null)
        {
            Report(fault);
        }
    }

    private void BeginUnderWay()
    {
        if (_isCollectedBeneath)
        {
            _underWay.Begin();
        }
    }

    private void EndUnderWay()
    {
        if (_isCollectedBeneath)
        {
            _underWay.End();
        }
    }

    /// <summary>Gives the pages of a retired block free for reuse.</summary>
    private void LeavePages(nint address)
    {
        BlockRecordTable.Shard shard = _records.ShardOf(address);
        shard.Lock.Enter();
        BlockRecord* record = shard.IsClosed ? null : shard.Find(address);
        BlockRecord block = record is null ? default : *record;
        if (record is not null)
        {
            record->State = RecordState.Freed;
            record->Stack = 0;
        }

        shard.Lock.Exit();
        if (record is not null)
        {
            _stacks.Drop(block.Stack);
            _pages!.Reuse(block.Base, block.TotalBytes);
        }
    }

    /// <summary>Lets every block leave the quarantine. False when it was empty.</summary>
    private bool EmptyQuarantine()
    {
        bool any = false;
        while (_quarantine.TryLeave(always: true, out nint oldest))
        {
            any = true;
            LeaveQuarantine(oldest);
        }

        return any;
    }

    /// <summary>Ends a block on pages of its own.</summary>
    private void RetirePages(in BlockRecord block)
    {
        AccountOf(block)?.Release(block.Requested);
        _pages!.Retire(block.Address, block.Base, block.TotalBytes);
    }

    private void GiveBack(in BlockRecord block)
    {
        if (block.Place == RecordPlace.Pages)
        {
            RetirePages(block);
            return;
        }

        t_leaving++;
        try
        {
            Inner.Free(block.Base);
        }
        finally
        {
            t_leaving--;
        }
    }
}

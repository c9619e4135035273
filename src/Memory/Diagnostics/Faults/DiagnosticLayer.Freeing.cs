namespace DimensionStore.Memory;

/// <summary>The way out: checks, quarantine, and giving back beneath.</summary>
public sealed unsafe partial class DiagnosticLayer
{
    // The blocks that this thread is giving back or resizing beneath, in this layer and in others: there are some in the handlers of events beneath, who may reset or dispose a layer, and must not wait for
    // themselves.
    [ThreadStatic]
    private static LeavingNote* t_leaving;

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
        int resets = Volatile.Read(ref _resetsEnded);
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
                    record->Stack = record->State == RecordState.Freed ? 0 : record->Stack;
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
        if (StateAfterFree(block) == RecordState.Freeing)
        {
            PoisonAndQuarantine(shard, block);
        }
        else
        {
            GiveBackOrRestore(shard, block, resets);
        }
    }

    /// <summary>Ends what began when a block was found in its shard and marked.</summary>
    private static void HasLeft(BlockRecordTable.Shard shard, in LeavingNote note)
    {
        t_leaving = note.Outer;
        Interlocked.Decrement(ref shard.Leaving);
    }

    /// <summary>Waits until no other thread is giving a block back or resizing one beneath. Not with a lock.</summary>
    private void WaitForLeaving()
    {
        foreach (BlockRecordTable.Shard shard in _records.Shards)
        {
            int own = 0;
            for (LeavingNote* note = t_leaving; note is not null; note = note->Outer)
            {
                own += note->Shard == shard.Number ? 1 : 0;
            }

            shard.WaitForLeaving(own);
        }
    }

    /// <summary>Gives a block back; when the allocator beneath finds a fault of its own in it, the block is live again, as it was.</summary>
    private void GiveBackOrRestore(BlockRecordTable.Shard shard, in BlockRecord block, int resets)
    {
        LeavingNote note = new(shard.Number, t_leaving);
        t_leaving = &note;
        try
        {
            GiveBack(block);
        }
        catch (MemoryFaultException)
        {
            Restore(shard, block, resets);
            throw;
        }
        finally
        {
            HasLeft(shard, note);
        }

        if (block.Place != RecordPlace.Pages)
        {
            _stacks.Drop(block.Stack);
        }
    }

    /// <summary>Makes the record of a block what it was before it was marked as freed, since beneath it was not to be had.</summary>
    /// <param name="shard">Where the record is.</param>
    /// <param name="block">The record as it was.</param>
    /// <param name="resets">How many resets had ended before it was marked. One that has begun since waits, and then frees the block beneath: it counts as freed then.</param>
    private void Restore(BlockRecordTable.Shard shard, in BlockRecord block, int resets)
    {
        shard.Lock.Enter();
        BlockRecord* record = shard.IsClosed ? null : shard.Find(block.Address);
        bool isBack = record is not null && record->State == RecordState.Freed && record->Base == block.Base && Volatile.Read(ref _resetsBegun) == resets;
        if (isBack)
        {
            *record = block;
            shard.Frees -= block.State == RecordState.Live ? 1 : 0;
        }

        shard.Lock.Exit();
        if (!isBack)
        {
            _stacks.Drop(block.Place == RecordPlace.Pages ? 0 : block.Stack);
        }
        else if (block.State == RecordState.Live)
        {
            CountLive(block.Requested);
        }
    }

    private RecordState StateAfterFree(in BlockRecord block) =>
        block.Place == RecordPlace.Pages ? RecordState.Quarantined
        : _quarantine.CapacityBytes >= block.TotalBytes ? RecordState.Freeing
        : RecordState.Freed;

    private void PoisonAndQuarantine(BlockRecordTable.Shard shard, in BlockRecord block)
    {
        // Outside the lock, so that a large block keeps nobody waiting; nobody else touches a block in this state, and reset and dispose wait for it.
        new Span<byte>((void*)block.Address, checked((int)Math.Min(block.Requested, int.MaxValue))).Fill(GuardBytes.Poison);
        shard.Lock.Enter();
        BlockRecord* record = shard.IsClosed ? null : shard.Find(block.Address);
        bool isStillOurs = record is not null && record->State == RecordState.Freeing;
        if (isStillOurs)
        {
            record->State = RecordState.Quarantined;
        }

        shard.Lock.Exit();
        Interlocked.Decrement(ref shard.Leaving);
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
        LeavingNote note = new(shard.Number, t_leaving);
        t_leaving = &note;
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
            HasLeft(shard, note);
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

        Inner.Free(block.Base);
    }

    /// <summary>Says on the stack of a thread that it has a block of a shard in hand; <see cref="Outer"/> is the one in whose handlers it came to this.</summary>
    private readonly struct LeavingNote(int shard, LeavingNote* outer)
    {
        internal readonly int Shard = shard;
        internal readonly LeavingNote* Outer = outer;
    }
}

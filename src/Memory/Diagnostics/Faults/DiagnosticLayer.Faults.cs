namespace DimensionStore.Memory;

/// <summary>Guards, what is wrong with an address, reports and checks.</summary>
public sealed unsafe partial class DiagnosticLayer
{
    /// <summary>The most findings, and the most leaks, that are kept one by one; the counts go on.</summary>
    public const int MaxRecords = 10_000;

    private readonly Lock _findingsLock = new();
    private readonly List<MemoryFaultRecord> _findings = [];
    private long _findingCount;

    /// <summary>
    /// Raised for each fault that was found where no call could be told: a block that was written to in quarantine, damaged guards and leaks at reset and dispose. On the thread
    /// that met it, while no lock is held. A handler must not throw.
    /// </summary>
    public event EventHandler<FaultFoundEventArgs>? FaultFound;

    /// <summary>What <see cref="FaultFound"/> was raised for, the first <see cref="MaxRecords"/> of it. Also after dispose.</summary>
    public IReadOnlyList<MemoryFaultRecord> Findings
    {
        get
        {
            lock (_findingsLock)
            {
                return [.. _findings];
            }
        }
    }

    /// <summary>How often <see cref="FaultFound"/> was raised.</summary>
    public long FindingCount => Interlocked.Read(ref _findingCount);

    /// <summary>
    /// Looks at the guards of every live block and at the poison of every block in quarantine. Others go on meanwhile. A live block is reported each time until it is repaired, one in quarantine once.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The layer is disposed.</exception>
    /// <exception cref="WrongThreadException">The allocator beneath is for one thread, and this is another.</exception>
    public DiagnosticReport Check()
    {
        CheckThread();
        List<MemoryFaultRecord> faults = [];
        long blocks = 0;
        foreach (BlockRecordTable.Shard shard in _records.Shards)
        {
            shard.Lock.Enter();
            try
            {
                ThrowIfClosed(shard);
                blocks += CheckShard(shard, faults);
            }
            finally
            {
                shard.Lock.Exit();
            }
        }

        return new DiagnosticReport(blocks, faults);
    }

    /// <inheritdoc/>
    /// <remarks>The allocator beneath, that it knows of each of the layer's blocks, and what <see cref="Check"/> finds.</remarks>
    public override IntegrityReport CheckIntegrity()
    {
        CheckThread();
        IntegrityReport inner = Inner.CheckIntegrity();
        List<string> violations = [.. inner.Violations];
        List<MemoryFaultRecord> faults = [];
        long blocks = 0;
        foreach (BlockRecordTable.Shard shard in _records.Shards)
        {
            shard.Lock.Enter();
            try
            {
                ThrowIfClosed(shard);
                blocks += CheckShard(shard, faults);
                long live = 0;
                foreach (ref readonly BlockRecord record in shard.Slots)
                {
                    if (record.Address == 0 || record.State == RecordState.Freed)
                    {
                        continue;
                    }

                    live += record.IsLive ? 1 : 0;
                    if (record.Place != RecordPlace.Pages && !Inner.Owns(record.Base))
                    {
                        violations.Add($"The block at 0x{record.Address:x} is {record.State} here, and the allocator beneath does not know of it.");
                    }
                }

                if (live != shard.Allocations - shard.Frees)
                {
                    violations.Add($"A shard of the records has {live:N0} live blocks; {shard.Allocations:N0} were allocated and {shard.Frees:N0} freed.");
                }
            }
            finally
            {
                shard.Lock.Exit();
            }
        }

        if (_pages?.IsConsistent() == false)
        {
            violations.Add("The tree over the guard pages does not agree with its bits.");
        }

        violations.AddRange(faults.Select(fault => fault.ToString()));
        return new IntegrityReport(blocks, violations);
    }

    private long CheckShard(BlockRecordTable.Shard shard, List<MemoryFaultRecord> faults)
    {
        long blocks = 0;
        foreach (ref BlockRecord record in shard.Slots)
        {
            if (record.Address == 0 || record.State is not (RecordState.Live or RecordState.Quarantined))
            {
                continue;
            }

            blocks++;
            MemoryFaultRecord? fault = record.IsReported ? null : GuardFault(record);
            if (fault is not null)
            {
                record.IsReported = record.State == RecordState.Quarantined;
                faults.Add(fault);
            }
        }

        return blocks;
    }

    /// <summary>Writes what lies around a block's bytes.</summary>
    private static void WriteGuards(in BlockRecord block)
    {
        nint end = block.Address + (nint)block.Requested;
        switch (block.Place)
        {
            case RecordPlace.Guarded:
                GuardBytes.Write(block.Address - GuardBytes.Length);
                GuardBytes.Write(end);
                break;
            case RecordPlace.Pages:
                GuardBytes.Fill(GuardedFrom(block), block.Address);
                GuardBytes.Fill(end, block.Base + (nint)block.TotalBytes);
                break;
            default:
                break;
        }
    }

    // The bytes just before the block: a write that goes astray by a page is no rarer than one by half a page, and filling all of it would make resident what is not.
    private static nint GuardedFrom(in BlockRecord block) => nint.Max(block.Base, block.Address - 256);

    /// <summary>What is wrong around a live block or in one that is in quarantine; null when nothing is.</summary>
    private MemoryFaultRecord? GuardFault(in BlockRecord block, bool isCollected = false)
    {
        string consequence = isCollected ? "A collection freed the block; look who wrote here." : "The block stays live; look who writes here.";
        nint end = block.Address + (nint)block.Requested;
        bool head = true;
        bool tail = true;
        if (block.Place == RecordPlace.Guarded)
        {
            head = GuardBytes.IsIntact(block.Address - GuardBytes.Length);
            tail = GuardBytes.IsIntact(end);
        }
        else if (block.Place == RecordPlace.Pages && block.State == RecordState.Live)
        {
            head = GuardBytes.IsFilled(GuardedFrom(block), block.Address);
            tail = GuardBytes.IsFilled(end, block.Base + (nint)block.TotalBytes);
        }

        if (block.State == RecordState.Quarantined)
        {
            if (block.Place == RecordPlace.Pages)
            {
                return null;
            }

            int changed = new ReadOnlySpan<byte>((void*)block.Address, (int)Math.Min(block.Requested, int.MaxValue)).IndexOfAnyExcept(GuardBytes.Poison);
            return changed >= 0 ? Describe(block, MemoryFault.UseAfterFree, $"byte {changed:N0} of the block was written after it was freed.")
                : head && tail ? null
                : Describe(block, MemoryFault.UseAfterFree, $"the guard {(head ? "behind" : "before")} the block was overwritten after it was freed.");
        }

        return !tail ? Describe(block, MemoryFault.Overrun, $"the guard directly behind the {block.Requested:N0} bytes was overwritten{(head ? "" : ", and the one before them too")}. {consequence}")
            : !head ? Describe(block, MemoryFault.Underrun, $"the guard directly before the block was overwritten. {consequence}")
            : null;
    }

    private MemoryFaultRecord Describe(in BlockRecord block, MemoryFault fault, string detail, nint address = 0) => new()
    {
        Allocator = Name,
        Fault = fault,
        Address = address != 0 ? address : block.Address,
        SizeBytes = block.Requested,
        Owner = new OwnerId(block.Owner),
        Site = AllocationSiteTable.SiteOf(block.Site),
        AllocatedAt = DateTimeOffset.UtcNow - AgeOf(block),
        Stack = _stacks.TextOf(block.Stack),
        Detail = detail,
    };

    private static TimeSpan AgeOf(in BlockRecord block) => TimeSpan.FromMilliseconds(Math.Max(0, Environment.TickCount64 - block.Ticks));

    /// <summary>Says what is wrong with an address that is not a live block's; <paramref name="seen"/> is its record at the time, if it had one.</summary>
    private MemoryFaultRecord Misuse(nint address, in BlockRecord seen)
    {
        const string Twice = "the block is free already. Size, owner and place are those of its last life.";
        if (seen.Address != 0 && seen.State != RecordState.Freed)
        {
            return Describe(seen, MemoryFault.DoubleFree, seen.IsLive ? "another thread makes the block larger or smaller at this moment." : Twice);
        }

        // A record of a block that is gone does not matter where another block lies over it now.
        if (FindOver(address, out BlockRecord over))
        {
            return Describe(over, MemoryFault.NotABlockStart, $"the address lies {address - over.Address:N0} bytes into the {(over.IsLive ? "live" : "free")} block at 0x{over.Address:x}. Use the address that was handed out.", address);
        }

        return seen.Address != 0
            ? Describe(seen, MemoryFault.DoubleFree, Twice)
            : new MemoryFaultRecord { Allocator = Name, Fault = FaultBeneath(address), Address = address, Detail = "no block of this layer starts there. Give it back where it came from." };
    }

    /// <summary>A walk over all records, for messages.</summary>
    private bool FindOver(nint address, out BlockRecord over)
    {
        foreach (BlockRecordTable.Shard shard in _records.Shards)
        {
            shard.Lock.Enter();
            try
            {
                ThrowIfClosed(shard);
                foreach (ref readonly BlockRecord record in shard.Slots)
                {
                    if (record.Address != 0 && record.State != RecordState.Freed && record.Address != address && record.Contains(address))
                    {
                        over = record;
                        return true;
                    }
                }
            }
            finally
            {
                shard.Lock.Exit();
            }
        }

        over = default;
        return false;
    }

    /// <summary>What the allocator beneath says about an address that the layer has no record of, also where the block would have begun with its guard.</summary>
    private MemoryFault FaultBeneath(nint address)
    {
        if (_pages?.Contains(address) == true)
        {
            return MemoryFault.NotABlockStart;
        }

        MemoryFault asBlock = Ask(address);
        return _hasCanaries && asBlock != MemoryFault.ForeignFree && Ask(address - GuardBytes.Length) == MemoryFault.DoubleFree ? MemoryFault.DoubleFree : asBlock;

        MemoryFault Ask(nint start)
        {
            try
            {
                Inner.UsableSize(start);
                return MemoryFault.ForeignFree;
            }
            catch (MemoryFaultException e)
            {
                return e.Fault;
            }
        }
    }

    /// <summary>Keeps a fault that no call can be told of, and raises the event. While no lock is held.</summary>
    private void Report(MemoryFaultRecord fault)
    {
        Interlocked.Increment(ref _findingCount);
        lock (_findingsLock)
        {
            if (_findings.Count < MaxRecords)
            {
                _findings.Add(fault);
            }
        }

        FaultFound?.Invoke(this, new FaultFoundEventArgs(fault));
        Options.Observer?.OnFault(this, fault.ToException());
    }

    /// <summary>The error for the call that met a fault, of which the observer is told. While no lock is held.</summary>
    private MemoryFaultException Refusal(MemoryFaultRecord fault)
    {
        MemoryFaultException error = fault.ToException();
        Options.Observer?.OnFault(this, error);
        return error;
    }
}

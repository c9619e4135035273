namespace DimensionStore.Memory;

/// <summary>What is wrong with an address, what is wrong around an object, and the check of everything the allocator believes about itself.</summary>
public sealed unsafe partial class DualPoolAllocator
{
    /// <inheritdoc/>
    /// <remarks>
    /// Checked: every slot of a committed chunk is live, in the chunk's list of free ones or behind its end, and only one of these; every live run is committed, marked as not free and overlaps no other;
    /// the tree over the free runs agrees with its bits; counters, committed bytes and the canaries of every live object. Others wait meanwhile.
    /// </remarks>
    public override IntegrityReport CheckIntegrity()
    {
        List<string> violations = [];
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            CheckSmall(violations);
            CheckBig(violations);
            long committed = _small.CommittedBytes + _big.CommittedBytes;
            Expect(violations, committed == _memory.CommittedBytes, $"The pools have {committed:N0} bytes committed, the allocator counts {_memory.CommittedBytes:N0}.");
            Expect(violations, _memory.ChargedBytes >= committed && _memory.ChargedBytes <= _memory.LimitBytes, $"{committed:N0} bytes are committed, {_memory.ChargedBytes:N0} are charged, the limit is {_memory.LimitBytes:N0}.");
            if (_hasCanaries && violations.Count == 0)
            {
                for (DualPoolSlot slot = new(DualPool.Small, 0); NextLiveLocked(ref slot); slot = slot with { Index = slot.Index + 1 })
                {
                    if (!ObjectCanary.IsIntact(AddressLocked(slot), UsableLocked(slot.Pool, slot.Index)))
                    {
                        violations.Add(DamageLocked(slot.Pool, slot.Index, AddressLocked(slot)).ToString());
                    }
                }
            }

            return new IntegrityReport(_small.Live + _big.LiveRuns, violations);
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>Looks at the canaries of every live object. Allocations and frees go on between batches, so it may run beside a program at work.</summary>
    /// <returns>Every object that was written over at an end; nothing where the allocator was made without canaries.</returns>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public DiagnosticReport CheckCanaries()
    {
        List<MemoryFaultRecord> faults = [];
        long checkedBlocks = 0;
        DualPoolSlot slot = new(DualPool.Small, 0);
        for (bool more = true; more;)
        {
            _lock.Enter();
            try
            {
                ThrowIfDisposed();
                int left = EnumerationBatch;
                while (left-- > 0 && (more = NextLiveLocked(ref slot)))
                {
                    checkedBlocks++;
                    if (_hasCanaries && !ObjectCanary.IsIntact(AddressLocked(slot), UsableLocked(slot.Pool, slot.Index)))
                    {
                        faults.Add(DamageLocked(slot.Pool, slot.Index, AddressLocked(slot)));
                    }

                    slot = slot with { Index = slot.Index + 1 };
                }
            }
            finally
            {
                _lock.Exit();
            }
        }

        return new DiagnosticReport(checkedBlocks, faults);
    }

    private static void Expect(List<string> violations, bool holds, string violation)
    {
        if (!holds)
        {
            violations.Add(violation);
        }
    }

    private MemoryFaultRecord DamageLocked(DualPool pool, int index, nint address)
    {
        nuint usable = UsableLocked(pool, index);
        bool head = ObjectCanary.IsHeadIntact(address);
        bool tail = ObjectCanary.IsTailIntact(address, usable);

        // The word before a small object lies right behind its neighbour's tail: whose writing went astray shows in the neighbour.
        return Describe(pool, index, tail ? MemoryFault.Underrun : MemoryFault.Overrun, head || tail
            ? $"the canary {(tail ? "before" : "behind")} its {usable:N0} usable bytes was overwritten{(tail ? ", by a write before its start or past the end of the object before it" : "")}. It stays live; look who writes here."
            : $"the canaries before and behind its {usable:N0} usable bytes were overwritten. It stays live; look who writes here.");
    }

    /// <summary>A record about a live object, or one that was.</summary>
    private MemoryFaultRecord Describe(DualPool pool, int index, MemoryFault fault, string detail, nint address = 0)
    {
        DualPoolSlot slot = new(pool, index);
        AllocationStamp stamp = _tracks ? StampLocked(slot) : default;
        return new MemoryFaultRecord
        {
            Allocator = Name,
            Fault = fault,
            Address = address != 0 ? address : AddressLocked(slot),
            SizeBytes = (long)RequestedLocked(pool, index),
            Owner = OwnerLocked(slot),
            Site = AllocationSiteTable.SiteOf(stamp.Site),
            AllocatedAt = stamp.UtcTicks == 0 ? null : new DateTimeOffset(stamp.UtcTicks, TimeSpan.Zero),
            Detail = detail,
        };
    }

    /// <summary>Says what is wrong with an address that is not a live object's.</summary>
    private MemoryFaultRecord FaultLocked(nint address)
    {
        nuint inSmall = (nuint)(address - _small.Objects);
        nuint inBig = (nuint)(address - _big.Blocks);
        if (inSmall < _smallBytes)
        {
            int index = (int)(inSmall >> SmallPool.ObjectShift);
            ulong word = _small.WordOf(index);
            nint start = _small.AddressOf(index);
            return word == 0 ? Unknown(MemoryFault.NotABlockStart, "the address lies in the pool of small objects, but no object was handed out there yet.")
                : address == start ? Describe(DualPool.Small, index, MemoryFault.DoubleFree, "the object is free already. Size and owner are those of its last life.")
                : Describe(DualPool.Small, index, MemoryFault.NotABlockStart, $"the address lies {address - start} bytes into the {(SmallWord.IsLive(word) ? "live" : "free")} object at 0x{start:x}. Use the address that was handed out.", address);
        }

        if (inBig < _bigBytes)
        {
            int last = _big.StartOf(address);
            int over = _big.RunOver((int)(inBig >> BigPool.BlockShift));
            return over >= 0 ? Describe(DualPool.Big, over, MemoryFault.NotABlockStart, $"the address lies {address - _big.AddressOf(over):N0} bytes into the live run at 0x{_big.AddressOf(over):x}. Use the address that was handed out.", address)
                : last >= 0 ? Describe(DualPool.Big, last, MemoryFault.DoubleFree, "the run is free already. Size and owner are those of its last life.")
                : Unknown(MemoryFault.NotABlockStart, "the address lies in the pool of big blocks, but no live run is or was last handed out there.");
        }

        return Unknown(MemoryFault.ForeignFree, "the address does not lie in this allocator's pools. Give it back where it came from.");

        MemoryFaultRecord Unknown(MemoryFault fault, string detail) => new() { Allocator = Name, Fault = fault, Address = address, Detail = detail };
    }

    private void CheckSmall(List<string> violations)
    {
        long live = 0;
        long committed = 0;
        long idle = 0;
        long requested = 0;
        bool[] listed = new bool[SmallPool.ChunkSlots];
        for (int chunk = 0; chunk < _small.KnownChunks; chunk++)
        {
            SmallPool.ChunkState* state = _small.State(chunk);
            ReadOnlySpan<ulong> words = _small.WordsOfChunk(chunk);
            string name = $"Chunk {chunk} of small objects";
            if (state->Ready > words.Length || state->Fresh < 1 || state->Fresh > Math.Max(1, (int)state->Ready))
            {
                violations.Add($"{name}: {state->Ready} slots committed of {words.Length}, {state->Fresh} used.");
                continue;
            }

            Array.Clear(listed);
            int steps = 0;
            for (int slot = state->FreeHead; slot != 0; slot = SmallWord.Next(words[slot]))
            {
                if (slot >= state->Fresh || listed[slot] || SmallWord.IsLive(words[slot]) || ++steps > words.Length)
                {
                    violations.Add($"{name}: the list of free slots has slot {slot}, which is {(slot >= state->Fresh ? "not handed out yet" : listed[slot] ? "in it twice" : "live")}.");
                    break;
                }

                listed[slot] = true;
            }

            int liveHere = 0;
            for (int slot = 1; slot < words.Length; slot++)
            {
                bool isLive = SmallWord.IsLive(words[slot]);
                liveHere += isLive ? 1 : 0;
                requested += isLive ? SmallWord.Requested(words[slot]) : 0;
                Expect(violations, !isLive || slot < state->Fresh, $"{name}: slot {slot} is live and was not handed out.");
                Expect(violations, isLive || listed[slot] || slot >= state->Fresh, $"{name}: slot {slot} is neither live nor free.");
            }

            Expect(violations, liveHere == state->Live, $"{name}: {liveHere} live objects, it counts {state->Live}.");
            Expect(violations, _small.IsRoomy(chunk) == SmallPool.HasRoom(state), $"{name}: it is {(_small.IsRoomy(chunk) ? "" : "not ")}listed as having room.");
            live += liveHere;
            committed += _small.CommittedIn(chunk);
            idle += liveHere == 0 ? _small.CommittedIn(chunk) : 0;
        }

        Expect(violations, live == _small.Live && live == _small.Allocations - _small.Frees, $"Small pool: {live:N0} live objects, it counts {_small.Live:N0}; {_small.Allocations:N0} allocated, {_small.Frees:N0} freed.");
        Expect(violations, requested == _small.RequestedBytes, $"Small pool: {requested:N0} bytes asked for, it counts {_small.RequestedBytes:N0}.");
        Expect(violations, committed == _small.CommittedBytes && idle == _small.IdleBytes, $"Small pool: {committed:N0} bytes committed, {idle:N0} of them idle; it counts {_small.CommittedBytes:N0} and {_small.IdleBytes:N0}.");
    }

    private void CheckBig(List<string> violations)
    {
        long runs = 0;
        long blocks = 0;
        long free = 0;
        int end = 0;
        for (int block = _big.NextLive(0); block >= 0; block = _big.NextLive(block + 1))
        {
            int length = _big.BlocksOf(block);
            Expect(violations, block >= end, $"Big pool: the run at block {block} overlaps the one before it.");
            Expect(violations, length >= 1 && block + (long)length <= _big.Capacity, $"Big pool: the run at block {block} claims {length:N0} blocks.");
            end = (int)Math.Min(_big.Capacity, block + (long)Math.Max(0, length));
            for (int part = block; part < end; part++)
            {
                Expect(violations, !_big.Free.IsFree(part), $"Big pool: block {part} is live and marked as free.");
                Expect(violations, _big.IsBlockCommitted(part), $"Big pool: block {part} is live and not committed.");
            }

            runs++;
            blocks += length;
        }

        for (int block = 0; block < _big.Capacity; block++)
        {
            free += _big.Free.IsFree(block) ? 1 : 0;
        }

        Expect(violations, runs == _big.LiveRuns && blocks == _big.Live, $"Big pool: {runs:N0} live runs of {blocks:N0} blocks, it counts {_big.LiveRuns:N0} of {_big.Live:N0}.");
        Expect(violations, free + blocks == _big.Capacity, $"Big pool: {free:N0} free and {blocks:N0} live blocks of {_big.Capacity:N0}.");
        Expect(violations, _big.Free.IsConsistent(), "Big pool: the tree over the free runs does not agree with its bits.");
        Expect(violations, _big.CountCommittedBytes() == _big.CommittedBytes, $"Big pool: {_big.CountCommittedBytes():N0} bytes are marked as committed, it counts {_big.CommittedBytes:N0}.");
    }
}

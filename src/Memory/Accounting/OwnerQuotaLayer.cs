namespace DimensionStore.Memory;

/// <summary>
/// Owners with limits for any allocator: what each owner uses, has used at most and may use, its blocks, and freeing them all at once.
/// <see cref="SegregatedAllocator"/> has this built in; around others it is put when it is wanted, and costs nothing when it is not.
/// </summary>
/// <remarks>
/// <para>
/// Charged is what was asked for, because the allocator beneath says what a block really takes only when it is there; and it is charged when the block is there, so that a request which cannot be
/// served takes nothing away from others. Blocks without an owner pass through unseen. Owners are also given to the allocator beneath.
/// </para>
/// <para>
/// Which account a block belongs to is kept in a table beside the allocator, some 40 bytes of managed memory a block with an owner: not every allocator remembers owners, and none
/// of those that do would find an account from one without a look-up. The table has 16 parts, each with a lock of its own, and grows before a block is noted: where the GC heap is full, the request fails with an <see cref="OutOfMemoryException"/> and nothing has changed.
/// Thread-safe when the allocator beneath is.
/// </para>
/// </remarks>
public sealed partial class OwnerQuotaLayer : AllocatorLayer
{
    private const int Parts = 16;
    private const int EntryBytes = 40;
    private const long LargeGrowth = 1 << 20;

    private readonly Part[] _parts = [.. Enumerable.Range(0, Parts).Select(_ => new Part())];
    private readonly ResetGate _gate = new();
    private int _resets;
    private long _refusals;
    private volatile bool _disposed;

    /// <summary>Puts the layer around an allocator, which has no live blocks yet or none with owners that matter.</summary>
    /// <param name="inner">The allocator; owned by the layer from now on.</param>
    /// <param name="owners">The ledger, to be shared with others whose owners have one limit for all; null for one of its own.</param>
    public OwnerQuotaLayer(MemoryAllocator inner, OwnerLedger? owners = null)
        : base(inner) => Owners = owners ?? new OwnerLedger();

    /// <summary>The ledger that owners' blocks are charged to.</summary>
    public OwnerLedger Owners { get; }

    /// <inheritdoc/>
    /// <exception cref="LimitExceededException">Also when the owner's limit is reached; <see cref="LimitExceededException.Owner"/> names it.</exception>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        if (owner == OwnerId.None || size == 0)
        {
            return Inner.Allocate(size, alignment, options, owner);
        }

        long bytes = Saturated(size);
        if (!HasRoom(bytes, alignment, options, owner))
        {
            throw Refuse(owner, bytes, options);
        }

        _gate.Enter();
        try
        {
            int resets = Volatile.Read(ref _resets);
            nint address = Inner.Allocate(size, alignment, options, owner);
            return TryKeep(address, bytes, owner, resets) ? address : throw Refuse(owner, bytes, options);
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        if (owner == OwnerId.None || size == 0)
        {
            return Inner.TryAllocate(size, out address, alignment, options, owner);
        }

        address = 0;
        long bytes = Saturated(size);
        if (!HasRoom(bytes, alignment, options, owner))
        {
            Refuse(owner, bytes, options);
            return false;
        }

        _gate.Enter();
        try
        {
            int resets = Volatile.Read(ref _resets);
            if (!Inner.TryAllocate(size, out nint taken, alignment, options, owner))
            {
                return false;
            }

            if (!TryKeep(taken, bytes, owner, resets))
            {
                Refuse(owner, bytes, options);
                return false;
            }

            address = taken;
            return true;
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <inheritdoc/>
    public override void Free(nint address) => Release(address, 0, sized: false);

    /// <inheritdoc/>
    public override void FreeSized(nint address, nuint size) => Release(address, size, sized: true);

    /// <inheritdoc/>
    /// <remarks>The block stays its owner's, whatever <paramref name="owner"/> says.</remarks>
    public override nint Reallocate(nint address, nuint size, OwnerId owner = default)
    {
        if (size == 0 || !TryTakeOut(address, out Entry entry, out Part from))
        {
            return Inner.Reallocate(address, size, owner);
        }

        return TryResize(address, size, entry, from, inPlace: false, out nint moved) ? moved : throw Refuse(Owners.AccountAt(entry.Slot).Owner, Saturated(size), AllocationOptions.None);
    }

    /// <inheritdoc/>
    protected internal override bool TryResizeInPlace(nint address, nuint size) =>
        TryTakeOut(address, out Entry entry, out Part from) ? TryResize(address, size, entry, from, inPlace: true, out _) : Inner.TryResizeInPlace(address, size);

    /// <summary>Resizes a block whose entry was taken out, and notes it again. False when its owner may not have more, or, in place, it cannot be done.</summary>
    private bool TryResize(nint address, nuint size, in Entry entry, Part from, bool inPlace, out nint moved)
    {
        moved = 0;
        OwnerAccount account = Owners.AccountAt(entry.Slot);
        long bytes = Saturated(size);
        long more = bytes - entry.Bytes;

        // Growing cannot be undone, so here the charge comes first; but not for what is known never to be served, for which the allocator beneath has the right error.
        bool isHopeless = more > LargeGrowth && Inner.GetStatistics().LimitBytes is > 0 and long most && bytes > most;
        bool reserves = more > 0 && !isHopeless;
        if (reserves && !account.TryReserve(more))
        {
            PutBackIfLive(address, entry, from);
            return false;
        }

        int resets = Volatile.Read(ref _resets);
        try
        {
            moved = !inPlace ? Inner.Reallocate(address, size, account.Owner) : Inner.TryResizeInPlace(address, size) ? address : 0;
        }
        finally
        {
            if (moved == 0)
            {
                if (reserves)
                {
                    account.ReleaseSome(more);
                }

                PutBackIfLive(address, entry, from);
            }
        }

        if (moved == 0)
        {
            return false;
        }

        if (more < 0)
        {
            account.ReleaseSome(-more);
        }

        account.NotePeak();
        NoteResized(moved, entry with { Bytes = bytes }, from, resets);
        return true;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Waits for the requests for owners that other threads have under way, handlers of events beneath that run meanwhile included, and such requests wait for it. So a handler may reset the layer itself, but must not wait
    /// for another thread that does, or one that runs in a reset for another that allocates: both would wait for ever.
    /// </remarks>
    public override void Reset()
    {
        bool isAlone = _gate.TryClose();
        try
        {
            // Counted before and after, for requests whose own handler does this: whoever gets a block beneath on one side and notes it on the other sees another number.
            Interlocked.Increment(ref _resets);
            Inner.Reset();
        }
        finally
        {
            // Also when a handler of events beneath threw.
            Interlocked.Increment(ref _resets);
            ForgetAll(onlyGone: true);
            if (isAlone)
            {
                _gate.Open();
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>What an owner's limit refused counts as failed here too, and the table of owners as metadata.</remarks>
    public override AllocatorStatistics GetStatistics()
    {
        AllocatorStatistics statistics = Inner.GetStatistics();
        long entries = 0;
        foreach (Part part in _parts)
        {
            lock (part.Lock)
            {
                entries += part.Blocks.Count;
            }
        }

        return statistics with
        {
            FailedAllocationCount = statistics.FailedAllocationCount + Volatile.Read(ref _refusals),
            MetadataBytes = statistics.MetadataBytes + (entries * EntryBytes),
        };
    }

    /// <summary>The live blocks of an owner.</summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public IReadOnlyList<BlockInfo> GetOwnerBlocks(OwnerId owner)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        List<BlockInfo> blocks = [];
        foreach ((nint address, Entry entry) in EntriesOf(owner))
        {
            try
            {
                blocks.Add(new BlockInfo(address, entry.Bytes, (long)Inner.UsableSize(address), owner, Age: null));
            }
            catch (MemoryFaultException)
            {
                // Freed by another thread since the table was read.
            }
        }

        return blocks;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _disposed = true;
        try
        {
            base.Dispose(disposing);
        }
        finally
        {
            // Also when a handler of events beneath threw: the ledger may be shared.
            ForgetAll(onlyGone: false);
        }
    }

    private void Release(nint address, nuint size, bool sized)
    {
        // Forgotten first: as soon as the block is free, another thread may get the same address and note it.
        bool known = TryTakeOut(address, out Entry entry, out Part from);
        try
        {
            if (sized)
            {
                Inner.FreeSized(address, size);
            }
            else
            {
                Inner.Free(address);
            }
        }
        catch
        {
            if (known)
            {
                PutBackIfLive(address, entry, from);
            }

            throw;
        }

        if (known)
        {
            from.EndAbsence();
            Release(entry);
        }
    }

    /// <summary>Charges a block that is there and notes it; otherwise gives it back, and answers false when its owner may not have it.</summary>
    /// <exception cref="ObjectDisposedException">The block is gone already.</exception>
    /// <exception cref="OutOfMemoryException">The GC heap has no room for the note.</exception>
    private bool TryKeep(nint address, long bytes, OwnerId owner, int resets)
    {
        bool isKept = false;
        try
        {
            isKept = TryCharge(address, bytes, owner, resets);
            return isKept;
        }
        finally
        {
            // No other thread resets in between. Where this one did, in a handler of an event beneath, the block may be gone and another's be at its address: then it stays, if it is there, until the next reset.
            if (!isKept && !_disposed && resets == Volatile.Read(ref _resets))
            {
                Inner.Free(address);
            }
        }
    }

    /// <summary>Whether an owner could be charged with so much now.</summary>
    private bool HasRoom(long bytes, nuint alignment, AllocationOptions options, OwnerId owner)
    {
        if (Owners.HasRoom(owner, bytes))
        {
            return true;
        }

        // Arguments come before limits: a wrong one is never "no memory".
        if (!System.Numerics.BitOperations.IsPow2(alignment))
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, "Alignment must be a power of two.");
        }

        options.ThrowIfUndefined();
        return false;
    }

    private LimitExceededException Refuse(OwnerId owner, long bytes, AllocationOptions options)
    {
        int failures = FailuresOf(options);
        Interlocked.Add(ref _refusals, failures);
        return Owners.Refuse(owner, bytes, counts: failures > 0);
    }
}

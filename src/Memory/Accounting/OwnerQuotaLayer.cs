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
/// of those that do would find an account from one without a look-up. The table has 16 parts, each with a lock of its own. Thread-safe when the allocator beneath is.
/// </para>
/// </remarks>
public sealed partial class OwnerQuotaLayer : AllocatorLayer
{
    private const int Parts = 16;
    private const int EntryBytes = 40;
    private const long LargeGrowth = 1 << 20;

    private readonly Part[] _parts = [.. Enumerable.Range(0, Parts).Select(_ => new Part())];
    private UnderWay _underWay;
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

        int resets = BeginTaking();
        try
        {
            nint address = Inner.Allocate(size, alignment, options, owner);
            return TryCharge(address, bytes, owner, resets) ? address : throw Refuse(owner, bytes, options);
        }
        finally
        {
            EndTaking();
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

        int resets = BeginTaking();
        try
        {
            if (!Inner.TryAllocate(size, out address, alignment, options, owner))
            {
                return false;
            }

            if (!TryCharge(address, bytes, owner, resets))
            {
                address = 0;
                Refuse(owner, bytes, options);
                return false;
            }

            return true;
        }
        finally
        {
            EndTaking();
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
        if (size == 0 || !TryForget(address, out Entry entry))
        {
            return Inner.Reallocate(address, size, owner);
        }

        return TryResize(address, size, entry, inPlace: false, out nint moved) ? moved : throw Refuse(Owners.AccountAt(entry.Slot).Owner, Saturated(size), AllocationOptions.None);
    }

    /// <inheritdoc/>
    protected internal override bool TryResizeInPlace(nint address, nuint size) =>
        TryForget(address, out Entry entry) ? TryResize(address, size, entry, inPlace: true, out _) : Inner.TryResizeInPlace(address, size);

    /// <summary>Resizes a block whose entry was taken out, and notes it again. False when its owner may not have more, or, in place, it cannot be done.</summary>
    private bool TryResize(nint address, nuint size, Entry entry, bool inPlace, out nint moved)
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
            PutBackIfLive(address, entry);
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

                PutBackIfLive(address, entry);
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
        PutBack(moved, entry with { Bytes = bytes }, resets);
        return true;
    }

    /// <inheritdoc/>
    /// <remarks>Other threads may allocate meanwhile: what they get before the end of the reset may be gone, and its owner is relieved of it.</remarks>
    public override void Reset()
    {
        // Counted before and after: whoever gets a block beneath on one side and notes it on the other sees another number.
        Interlocked.Increment(ref _resets);
        Inner.Reset();
        Interlocked.Increment(ref _resets);
        ForgetAll(onlyGone: true);
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
        bool known = TryForget(address, out Entry entry);
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
                PutBackIfLive(address, entry);
            }

            throw;
        }

        if (known)
        {
            Owners.AccountAt(entry.Slot).Release(entry.Bytes);
        }
    }

    /// <summary>Charges a block that is there and notes it; otherwise gives it back and answers false.</summary>
    /// <exception cref="ObjectDisposedException">The block is gone already.</exception>
    private bool TryCharge(nint address, long bytes, OwnerId owner, int resets)
    {
        if (Owners.TryAccountOf(owner) is not { } account || !account.TryCharge(bytes))
        {
            GiveBack(address, resets);
            return false;
        }

        bool isNoted = PutBack(address, new Entry(account.Slot, bytes), resets);
        ObjectDisposedException.ThrowIf(!isNoted, this);
        return true;
    }

    /// <summary>
    /// Gives a block back that its owner may not have, unless a reset has begun since it was asked for: that has freed it or is about to, and at its address may be somebody else's by now. Where the reset
    /// was just before the block, it stays until the next one.
    /// </summary>
    private void GiveBack(nint address, int resets)
    {
        if (Volatile.Read(ref _resets) != resets)
        {
            return;
        }

        try
        {
            Inner.Free(address);
        }
        catch (MemoryFaultException) when (Volatile.Read(ref _resets) != resets)
        {
            // The reset was quicker.
        }
    }

    /// <returns>The resets so far, for <see cref="PutBack"/>.</returns>
    private int BeginTaking()
    {
        _underWay.Begin();
        return Volatile.Read(ref _resets);
    }

    private void EndTaking() => _underWay.End();

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

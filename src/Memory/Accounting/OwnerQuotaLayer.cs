namespace DimensionStore.Memory;

/// <summary>
/// Owners with limits for any allocator: what each owner uses, has used at most and may use, its blocks, and freeing them all at once.
/// <see cref="SegregatedAllocator"/> has this built in; around others it is put when it is wanted, and costs nothing when it is not.
/// </summary>
/// <remarks>
/// <para>
/// Charged is what was asked for, because the allocator beneath says what a block really takes only when it is there. Blocks without an owner pass through unseen. Owners are also given to the allocator beneath.
/// </para>
/// <para>
/// Which account a block belongs to is kept in a table beside the allocator, some 40 bytes of managed memory a block with an owner: not every allocator remembers owners, and none
/// of those that do would find an account from one without a look-up. The table has 16 parts, each with a lock of its own. Thread-safe when the allocator beneath is.
/// </para>
/// </remarks>
public sealed class OwnerQuotaLayer : AllocatorLayer
{
    private const int Parts = 16;
    private const int EntryBytes = 40;

    private readonly Part[] _parts = [.. Enumerable.Range(0, Parts).Select(_ => new Part())];
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

        OwnerAccount account = Owners.AccountOf(owner);
        long bytes = Saturated(size);
        if (!account.TryCharge(bytes))
        {
            // Arguments come before limits: a wrong alignment is never "no memory".
            ThrowIfNotAlignment(alignment);
            Interlocked.Increment(ref _refusals);
            throw account.LimitReached(bytes);
        }

        nint address = 0;
        try
        {
            address = Inner.Allocate(size, alignment, options, owner);
            Note(address, account.Slot, bytes);
            return address;
        }
        catch
        {
            Undo(account, address, bytes);
            throw;
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
        if (Owners.TryAccountOf(owner) is not { } account || !account.TryCharge(bytes))
        {
            ThrowIfNotAlignment(alignment);
            Interlocked.Increment(ref _refusals);
            return false;
        }

        bool done = false;
        try
        {
            done = Inner.TryAllocate(size, out address, alignment, options, owner);
            if (done)
            {
                Note(address, account.Slot, bytes);
            }
            else
            {
                account.Cancel(bytes);
            }

            return done;
        }
        catch
        {
            Undo(account, address, bytes);
            address = 0;
            throw;
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

        OwnerAccount account = Owners.AccountAt(entry.Slot);
        long bytes = Saturated(size);
        long more = bytes - entry.Bytes;
        if (more > 0 && !account.TryChargeMore(more))
        {
            PutBack(address, entry);
            Interlocked.Increment(ref _refusals);
            throw account.LimitReached(bytes);
        }

        nint moved;
        try
        {
            moved = Inner.Reallocate(address, size, account.Owner);
        }
        catch
        {
            if (more > 0)
            {
                account.ReleaseSome(more);
            }

            PutBack(address, entry);
            throw;
        }

        if (more < 0)
        {
            account.ReleaseSome(-more);
        }

        PutBack(moved, entry with { Bytes = bytes });
        return moved;
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        Inner.Reset();
        ForgetAll();
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

    /// <summary>Frees every block of an owner. Whoever calls this says that nobody uses them any more, and nobody frees one at the same time.</summary>
    /// <returns>Bytes that had been asked for.</returns>
    /// <exception cref="ArgumentException">The owner is <see cref="OwnerId.None"/>.</exception>
    /// <exception cref="UnknownOwnerException">The ledger does not know the owner.</exception>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public long FreeOwner(OwnerId owner)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Owners.KnownAccountOf(owner, Name);
        long freed = 0;
        foreach ((nint address, Entry entry) in EntriesOf(owner))
        {
            Free(address);
            freed += entry.Bytes;
        }

        return freed;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _disposed = true;
        base.Dispose(disposing);
        ForgetAll();
    }

    private static void ThrowIfNotAlignment(nuint alignment)
    {
        if (!System.Numerics.BitOperations.IsPow2(alignment))
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, "Alignment must be a power of two.");
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
                PutBack(address, entry);
            }

            throw;
        }

        if (known)
        {
            Owners.AccountAt(entry.Slot).Release(entry.Bytes);
        }
    }

    private void Undo(OwnerAccount account, nint address, long bytes)
    {
        account.Cancel(bytes);
        if (address != 0)
        {
            Inner.Free(address);
        }
    }

    private Part PartOf(nint address) => _parts[(int)(((ulong)address * 0x9E3779B97F4A7C15) >> 60)];

    /// <summary>Notes whose a new block is.</summary>
    /// <exception cref="ObjectDisposedException">The block is gone already; nobody will ever forget it again.</exception>
    private void Note(nint address, int slot, long bytes) => ObjectDisposedException.ThrowIf(!TryNote(address, new Entry(slot, bytes)), this);

    /// <summary>Notes a block again; where all were forgotten meanwhile because the layer was disposed, its owner is relieved of it.</summary>
    private void PutBack(nint address, Entry entry)
    {
        if (!TryNote(address, entry))
        {
            Owners.AccountAt(entry.Slot).Release(entry.Bytes);
        }
    }

    private bool TryNote(nint address, Entry entry)
    {
        Part part = PartOf(address);
        lock (part.Lock)
        {
            // Said before the parts are emptied: whoever still sees false here is in time to be forgotten with the others.
            if (!_disposed)
            {
                part.Blocks[address] = entry;
            }

            return !_disposed;
        }
    }

    private bool TryForget(nint address, out Entry entry)
    {
        Part part = PartOf(address);
        lock (part.Lock)
        {
            return part.Blocks.Remove(address, out entry);
        }
    }

    private List<(nint Address, Entry Entry)> EntriesOf(OwnerId owner)
    {
        List<(nint Address, Entry Entry)> found = [];
        int slot = owner == OwnerId.None || Owners.GetUsage(owner).AllocationCount == 0 ? 0 : Owners.AccountOf(owner).Slot;
        foreach (Part part in _parts)
        {
            lock (part.Lock)
            {
                foreach ((nint address, Entry entry) in part.Blocks)
                {
                    if (entry.Slot == slot)
                    {
                        found.Add((address, entry));
                    }
                }
            }
        }

        found.Sort((a, b) => a.Address.CompareTo(b.Address));
        return found;
    }

    private void ForgetAll()
    {
        foreach (Part part in _parts)
        {
            lock (part.Lock)
            {
                foreach (Entry entry in part.Blocks.Values)
                {
                    Owners.AccountAt(entry.Slot).Release(entry.Bytes);
                }

                part.Blocks.Clear();
            }
        }
    }

    private readonly record struct Entry(int Slot, long Bytes);

    private sealed class Part
    {
        internal Lock Lock { get; } = new();

        internal Dictionary<nint, Entry> Blocks { get; } = [];
    }
}

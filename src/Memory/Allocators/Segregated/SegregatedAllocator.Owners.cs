namespace DimensionStore.Memory;

/// <summary>Owners (the specification's processes): usage, limits, their blocks, their end; and blocks whose user was lost.</summary>
public sealed unsafe partial class SegregatedAllocator
{
    private Dictionary<uint, WeakReference<CollectableBlock>>? _collectables;

    /// <summary>The ledger that owners' blocks are charged to.</summary>
    public OwnerLedger Owners => _owners;

    /// <summary>What an owner uses, as the ledger has it.</summary>
    public OwnerUsage GetOwnerUsage(OwnerId owner) => _owners.GetUsage(owner);

    /// <summary>Sets what an owner may use.</summary>
    public void SetOwnerLimit(OwnerId owner, long limitBytes) => _owners.SetLimit(owner, limitBytes);

    /// <summary>Registers an owner's life; <see cref="OwnerLedger.Register"/>.</summary>
    public void RegisterOwner(OwnerId owner, long? limitBytes = null, object? lifetime = null, Func<bool>? isAlive = null) => _owners.Register(owner, limitBytes, lifetime, isAlive);

    /// <summary>Ends an owner: its blocks are unreferenced from now on; <see cref="OwnerLedger.End(OwnerId)"/>.</summary>
    /// <returns>False when it had ended before.</returns>
    /// <exception cref="ArgumentException">The owner is <see cref="OwnerId.None"/>.</exception>
    /// <exception cref="UnknownOwnerException">The ledger does not know the owner.</exception>
    public bool EndOwner(OwnerId owner) => _owners.End(owner, Name);

    /// <summary>The live blocks of an owner, in ascending order of address. A concurrent allocation or free may or may not be seen.</summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public IReadOnlyList<BlockInfo> GetOwnerBlocks(OwnerId owner) => [.. Enumerate(owner)];

    /// <summary>Frees every block of an owner. Whoever calls this says that nobody uses them any more.</summary>
    /// <returns>Usable bytes freed.</returns>
    /// <exception cref="ArgumentException">The owner is <see cref="OwnerId.None"/>.</exception>
    /// <exception cref="UnknownOwnerException">The ledger does not know the owner.</exception>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public long FreeOwner(OwnerId owner)
    {
        ThrowIfDisposed();
        return FreeBlocksOf(_owners.KnownAccountOf(owner, Name)).Bytes;
    }

    /// <summary>
    /// Allocates a block whose user is an object: when the object is no longer reachable and was not disposed, the block is unreferenced and the next collection frees it.
    /// </summary>
    /// <exception cref="AllocationFailedException">As for <see cref="Allocate"/>.</exception>
    /// <exception cref="LimitExceededException">As for <see cref="Allocate"/>.</exception>
    public CollectableBlock AllocateCollectable(int size, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        CollectableBlock block = new(this, size, owner);
        block.Take(AllocateFully((nuint)size, DefaultAlignment, options, owner, throws: true, new WeakReference<CollectableBlock>(block)));
        return block;
    }

    /// <summary>Frees the block of a handle, unless it was freed some other way already.</summary>
    internal void FreeCollectable(CollectableBlock block, nint address) => FreeFully(address, 0, sized: false, onlyNoted: true, block);

    /// <summary>Whether a block belongs to a handle, or, without one, to a handle that is lost.</summary>
    private bool IsNotedLocked(uint start, CollectableBlock? block) =>
        _collectables is not null && _collectables.TryGetValue(start, out WeakReference<CollectableBlock>? held)
            && (held.TryGetTarget(out CollectableBlock? user) ? ReferenceEquals(user, block) : block is null);

    /// <summary>Frees unreferenced blocks: of lost handles, and of ended owners.</summary>
    /// <param name="only">Of this owner only; null for all.</param>
    /// <param name="leastBytes">Of owners that use at least so much.</param>
    /// <param name="error">What the first callback threw that was asked whether its owner is alive; such an owner counts as alive.</param>
    private (long Blocks, long Bytes, int Owners) FreeUnreferenced(OwnerId? only, long leastBytes, out Exception? error)
    {
        HashSet<OwnerId>? cleaned = null;
        error = null;
        (long blocks, long bytes) = FreeLost(only, leastBytes, ref cleaned);

        // By slots, which allocates nothing, and not at all where none can have ended: under pressure this runs again and again.
        int count = _owners.MayOneHaveEnded ? _owners.Count : 0;
        for (int slot = 1; slot <= count; slot++)
        {
            OwnerAccount account = _owners.AccountAt(slot);
            if (account.LiveBlocks > 0 && (only is null || only == account.Owner) && account.UsedBytes >= leastBytes && HasEnded(account, ref error))
            {
                (long freed, long freedBytes) = FreeBlocksOf(account);
                blocks += freed;
                bytes += freedBytes;
                if (freed > 0)
                {
                    (cleaned ??= []).Add(account.Owner);
                }
            }
        }

        return (blocks, bytes, cleaned?.Count ?? 0);
    }

    private static bool HasEnded(OwnerAccount account, ref Exception? error)
    {
        try
        {
            return account.HasEnded();
        }
        catch (Exception e)
        {
            // A stranger's code. The collection goes on with the other owners, and whoever asked for it is told at its end.
            error ??= e;
            return false;
        }
    }

    private (long Blocks, long Bytes) FreeLost(OwnerId? only, long leastBytes, ref HashSet<OwnerId>? cleaned)
    {
        List<(nint Address, OwnerId Owner, long Bytes)>? lost = null;
        BiasedLock.Record? entered = _lock.Enter();
        try
        {
            if (_collectables is not null)
            {
                foreach ((uint start, WeakReference<CollectableBlock> held) in _collectables)
                {
                    uint granules = _heap.LiveLength(start);
                    OwnerId owner = OwnerOf(start, granules);
                    if (!held.TryGetTarget(out _) && (only is null || only == owner) && (leastBytes == 0 || _owners.GetUsage(owner).UsedBytes >= leastBytes))
                    {
                        (lost ??= []).Add((_heap.AddressOf(start), owner, (long)granules << GranuleShift));
                    }
                }
            }
        }
        finally
        {
            _lock.Exit(entered);
        }

        if (lost is null)
        {
            return default;
        }

        long blocks = 0;
        long bytes = 0;
        foreach ((nint address, OwnerId owner, long blockBytes) in lost)
        {
            // The last reference to the block is gone, so nobody else frees it: except another collection at the same moment, which is no fault.
            if (FreeFully(address, 0, sized: false, onlyNoted: true, block: null))
            {
                blocks++;
                bytes += blockBytes;
                (cleaned ??= []).Add(owner);
            }
        }

        return (blocks, bytes);
    }

    private (long Blocks, long Bytes) FreeBlocksOf(OwnerAccount account)
    {
        if (Layer is { } layer)
        {
            return FreeThroughLayers(layer, account);
        }

        long blocks = 0;
        long bytes = 0;
        Span<uint> starts = stackalloc uint[Batch];
        Span<uint> lengths = stackalloc uint[Batch];
        for (uint from = 0; from != None;)
        {
            int count = GiveBlocksOf(account.Slot, ref from, starts, lengths);
            for (int i = 0; i < count; i++)
            {
                long blockBytes = (long)lengths[i] << GranuleShift;
                account.Release(blockBytes);
                bytes += blockBytes;
                Observer?.OnFreed(this, _heap.AddressOf(starts[i]), blockBytes, account.Owner);
            }

            blocks += count;
        }

        CheckPressure();
        return (blocks, bytes);
    }

    /// <summary>Frees some blocks with a tag from a granule on; <paramref name="from"/> is <see cref="None"/> at the end.</summary>
    private int GiveBlocksOf(int slot, ref uint from, Span<uint> starts, Span<uint> lengths)
    {
        int count = 0;
        BiasedLock.Record? entered = _lock.Enter();
        try
        {
            _memory.AwaitUses();
            _heap.MergeDeferred();
            for (int steps = 16 * Batch; count < starts.Length && TryNextOf(slot, ref from, ref steps, out uint start, out uint length);)
            {
                if (_heap.TryGive(start, length))
                {
                    starts[count] = start;
                    lengths[count++] = length;
                    EndLifeLocked(start, length, _owners.AccountAt(slot).Owner);
                }
            }
        }
        finally
        {
            _lock.Exit(entered);
        }

        return count;
    }

    /// <summary>Finds the next live block with a tag from a granule on, which becomes the one behind it, or <see cref="None"/> at the end. False there, and when no step is left.</summary>
    private bool TryNextOf(int slot, ref uint from, ref int steps, out uint start, out uint length)
    {
        start = length = 0;
        while (steps-- > 0)
        {
            if (_tags is null || !_heap.TryNext(from, out start, out length, out bool isLive))
            {
                from = None;
                return false;
            }

            from = start + length;
            if (isLive && _tags.Get(start, length) == slot)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Relieves all owners of their blocks, before these are gone.</summary>
    private void ReleaseOwnersLocked()
    {
        if (_tags is null)
        {
            return;
        }

        _heap.MergeDeferred();
        for (uint from = 0; _heap.TryNext(from, out uint start, out uint length, out bool isLive); from = start + length)
        {
            int slot = isLive ? _tags.Get(start, length) : 0;
            if (slot != 0)
            {
                _owners.AccountAt(slot).Release((long)length << GranuleShift);
            }
        }
    }

    /// <summary>Forgets what was noted of a block that was given back, but for what a second free of it is to be told.</summary>
    private void EndLifeLocked(uint start, uint granules, OwnerId owner)
    {
        _ended?.Note(start, granules, owner);
        _protected?.Remove(start);
        _collectables?.Remove(start);
    }
}

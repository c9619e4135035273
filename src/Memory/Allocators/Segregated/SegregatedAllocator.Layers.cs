namespace DimensionStore.Memory;

/// <summary>
/// Freeing an owner's blocks where layers are around the allocator: through them, the outermost first, so that each knows what is gone. No lock is held meanwhile, since layers have locks of their own.
/// </summary>
public sealed unsafe partial class SegregatedAllocator
{
    internal override bool CollectsByItself => true;

    internal override OwnerLedger? Ledger => _owners;

    internal override bool TryFindOwner(nint address, out OwnerId owner)
    {
        try
        {
            SizeAndOwnerOf(address, out owner);
            return true;
        }
        catch (MemoryFaultException)
        {
            // Another thread has freed it since.
            owner = default;
            return false;
        }
    }

    internal override long FreeCollected(nint core, OwnerId owner, MemoryAllocator collector)
    {
        BiasedLock.Record? entered = _lock.Enter();
        uint granules;
        bool given;
        try
        {
            // A block that is being zeroed for its first user, whose owner has ended since.
            _memory.AwaitUses();
            _heap.TakeIn(MostTakenByFree);
            uint start = _heap.GranuleAt(core);
            granules = start == None ? 0 : _heap.LiveLength(start);
            given = granules != 0 && OwnerOf(start, granules) == owner && _heap.TryGive(start, granules);
            if (given)
            {
                EndLifeLocked(start, granules, owner);
            }
        }
        finally
        {
            _lock.Exit(entered);
        }

        if (!given)
        {
            return 0;
        }

        long bytes = (long)granules << GranuleShift;
        _owners.AccountOf(owner).Release(bytes);
        Observer?.OnFreed(this, core, bytes, owner);
        CheckPressure();
        return bytes;
    }

    private (long Blocks, long Bytes) FreeThroughLayers(AllocatorLayer layer, OwnerAccount account)
    {
        MemoryAllocator outermost = layer.Outermost;
        long blocks = 0;
        long bytes = 0;
        nint[] found = new nint[Batch];
        try
        {
            for (uint from = 0; from != None;)
            {
                (int count, int noted) = BlocksOf(account.Slot, ref from, found);
                for (int i = 0; i < count; i++)
                {
                    // What belongs to a handle never came through a layer. It is at the end.
                    Add((i < count - noted ? outermost : this).FreeCollected(found[i], account.Owner, this));
                }
            }

            List<nint> beside = [];
            outermost.AddBlocksBeside(account.Owner, beside, this);
            foreach (nint address in beside)
            {
                Add(outermost.FreeCollected(address, account.Owner, this));
            }
        }
        finally
        {
            // Also where a handler threw: what has been freed is gone.
            outermost.EndCollection();
        }

        return (blocks, bytes);

        void Add(long freed)
        {
            blocks += freed > 0 ? 1 : 0;
            bytes += freed;
        }
    }

    /// <summary>Some live blocks with a tag from a granule on, those with a handle last; <paramref name="from"/> is <see cref="None"/> at the end.</summary>
    private (int Count, int Noted) BlocksOf(int slot, ref uint from, Span<nint> found)
    {
        int plain = 0;
        int noted = 0;
        BiasedLock.Record? entered = _lock.Enter();
        try
        {
            _heap.MergeDeferred();
            for (int steps = 16 * Batch; plain + noted < found.Length && TryNextOf(slot, ref from, ref steps, out uint start, out _);)
            {
                bool isNoted = _collectables?.ContainsKey(start) == true;
                found[isNoted ? found.Length - ++noted : plain++] = _heap.AddressOf(start);
            }
        }
        finally
        {
            _lock.Exit(entered);
        }

        found[^noted..].CopyTo(found[plain..]);
        return (plain + noted, noted);
    }
}

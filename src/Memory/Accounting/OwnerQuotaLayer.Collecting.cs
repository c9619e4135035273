namespace DimensionStore.Memory;

/// <summary>Freeing all of an owner's blocks, and what the allocator beneath frees of its own accord.</summary>
public sealed partial class OwnerQuotaLayer
{
    /// <summary>
    /// Frees every block of an owner, through the layers around this one, so that each knows what is gone. Whoever calls this says that nobody uses them any more, and nobody frees one at the same time.
    /// </summary>
    /// <returns>Bytes that had been asked for.</returns>
    /// <exception cref="MemoryFaultException">A layer beneath found damage in a block; this one and those not freed yet stay. What a layer around this one finds is a finding there.</exception>
    /// <exception cref="ArgumentException">The owner is <see cref="OwnerId.None"/>.</exception>
    /// <exception cref="UnknownOwnerException">The ledger does not know the owner.</exception>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public long FreeOwner(OwnerId owner)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Owners.KnownAccountOf(owner, Name);
        long freed = 0;
        MemoryAllocator outermost = Outermost;
        List<nint> blocks = [.. EntriesOf(owner).Select(found => found.Address)];
        outermost.AddBlocksBeside(owner, blocks, this);
        try
        {
            foreach (nint address in blocks)
            {
                freed += outermost.FreeCollected(address, owner, this);
            }
        }
        finally
        {
            outermost.EndCollection();
        }

        return freed;
    }

    internal override bool CollectsByItself => true;

    internal override OwnerLedger? Ledger => Owners;

    internal override bool TryFindOwner(nint address, out OwnerId owner)
    {
        if (!TryFind(address, out Entry entry))
        {
            return Inner.TryFindOwner(address, out owner);
        }

        owner = Owners.AccountAt(entry.Slot).Owner;
        return true;
    }

    internal override void AddBlocksBeside(OwnerId owner, List<nint> found, MemoryAllocator collector)
    {
        // What lies beside beneath is noted here as any block.
        if (!ReferenceEquals(collector, this))
        {
            Inner.AddBlocksBeside(owner, found, collector);
        }
    }

    internal override long FreeCollected(nint core, OwnerId owner, MemoryAllocator collector)
    {
        bool isCollector = ReferenceEquals(collector, this);
        bool isQuiet = _gate.IsEmpty;
        nint address = isCollector ? core : Inner.AddressAbove(core, collector);
        if (address == 0 || !TryTakeOut(address, out Entry entry, out Part from))
        {
            // Freed here already and kept beneath, or never seen here; unless it is just being taken.
            return isQuiet && !isCollector ? Inner.FreeCollected(core, owner, collector) : 0;
        }

        OwnerAccount account = Owners.AccountAt(entry.Slot);
        long freed = 0;
        try
        {
            if (isCollector && account.Owner == owner)
            {
                Inner.Free(address);
                freed = entry.Bytes;
            }
            else if (account.Owner == owner)
            {
                freed = Inner.FreeCollected(core, owner, collector);
            }
        }
        finally
        {
            if (freed == 0)
            {
                PutBackIfLive(address, entry, from);
            }
        }

        if (freed > 0)
        {
            from.EndAbsence();
            account.Release(entry.Bytes);
        }

        return freed;
    }
}

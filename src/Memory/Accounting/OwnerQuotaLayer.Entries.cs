namespace DimensionStore.Memory;

/// <summary>What the layer knows about blocks: which owner each was charged to, and with how much.</summary>
public sealed partial class OwnerQuotaLayer
{
    private Part PartOf(nint address) => _parts[(int)(((ulong)address * 0x9E3779B97F4A7C15) >> 60)];

    /// <summary>Notes whose a block is. Where all were forgotten meanwhile because the layer was disposed, and for a block that a reset has freed meanwhile, its owner is relieved of it.</summary>
    /// <returns>False when the layer is disposed.</returns>
    private bool PutBack(nint address, Entry entry, int resets)
    {
        Part part = PartOf(address);
        Entry gone = entry;
        lock (part.Lock)
        {
            // Said before the parts are emptied: whoever still sees false here is in time to be forgotten with the others.
            if (!_disposed)
            {
                // Another entry for the address is that of a block that is gone, since this one is there.
                gone = part.Blocks.GetValueOrDefault(address);
                part.Blocks[address] = entry;
                if (resets != Volatile.Read(ref _resets) && !Inner.Owns(address))
                {
                    part.Blocks.Remove(address);
                    Owners.AccountAt(entry.Slot).Release(entry.Bytes);
                }
            }
        }

        if (gone.Slot != 0)
        {
            Owners.AccountAt(gone.Slot).Release(gone.Bytes);
        }

        return !_disposed;
    }

    /// <summary>Notes a block again that could not be freed or moved, unless it is gone: another thread, a collection or a reset was quicker.</summary>
    private void PutBackIfLive(nint address, Entry entry)
    {
        Part part = PartOf(address);
        bool isBack = false;
        lock (part.Lock)
        {
            isBack = !_disposed && Inner.Owns(address) && part.Blocks.TryAdd(address, entry);
        }

        if (!isBack)
        {
            Owners.AccountAt(entry.Slot).Release(entry.Bytes);
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

    private void ForgetAll(bool onlyGone)
    {
        foreach (Part part in _parts)
        {
            lock (part.Lock)
            {
                foreach ((nint address, Entry entry) in part.Blocks)
                {
                    // Removing what the enumeration is at is allowed.
                    if (!onlyGone || !Inner.Owns(address))
                    {
                        part.Blocks.Remove(address);
                        Owners.AccountAt(entry.Slot).Release(entry.Bytes);
                    }
                }
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

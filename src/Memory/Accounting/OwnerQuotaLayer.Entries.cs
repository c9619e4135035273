namespace DimensionStore.Memory;

/// <summary>What the layer knows about blocks: which owner each was charged to, and with how much.</summary>
/// <remarks>
/// A part has room for what it notes and for each entry that was taken out of it and may come back. Where a block has moved, and the part that it belongs into now cannot grow because the GC heap is full, its
/// entry is a guest in the part that it comes from: by then the block is where it is, and must not be lost.
/// </remarks>
public sealed partial class OwnerQuotaLayer
{
    // Entries in another part than that of their address. Nearly always none.
    private int _guests;

    private Part PartOf(nint address) => _parts[(int)(((ulong)address * 0x9E3779B97F4A7C15) >> 60)];

    /// <summary>Charges a block that is there and notes it; false, with nothing changed, where its owner may not have it.</summary>
    /// <exception cref="ObjectDisposedException">The layer is disposed, and the block gone with it.</exception>
    /// <exception cref="OutOfMemoryException">The GC heap has no room for the entry; nothing has changed.</exception>
    private bool TryCharge(nint address, long bytes, OwnerId owner, int resets)
    {
        ReleaseGuest(address);
        Part part = PartOf(address);
        lock (part.Lock)
        {
            // Said before the parts are emptied: whoever still sees false here is in time to be forgotten with the others.
            ObjectDisposedException.ThrowIf(_disposed, this);
            part.MakeRoom();
            if (Owners.TryAccountOf(owner) is not { } account || !account.TryReserve(bytes))
            {
                return false;
            }

            account.NoteBlock();
            NoteLocked(part, address, new Entry(account.Slot, bytes), resets);
            return true;
        }
    }

    /// <summary>Notes a block again that was resized. Where all were forgotten meanwhile because the layer was disposed, its owner is relieved of it.</summary>
    /// <param name="address">Where it is now.</param>
    /// <param name="entry">What it is charged with now.</param>
    /// <param name="from">The part that its entry was taken out of.</param>
    /// <param name="resets">How many resets there were before.</param>
    private void NoteResized(nint address, in Entry entry, Part from, int resets)
    {
        ReleaseGuest(address);
        Part part = PartOf(address);
        bool isNoted;
        lock (part.Lock)
        {
            isNoted = ReferenceEquals(part, from) || part.TryMakeRoom();
            if (isNoted)
            {
                NoteLocked(part, address, entry, resets);
            }
        }

        if (!isNoted)
        {
            lock (from.Lock)
            {
                NoteLocked(from, address, entry, resets);
            }
        }

        from.EndAbsence();
    }

    /// <summary>Notes whose a block is, in a part that has room. For a block that a reset has freed meanwhile, its owner is relieved of it.</summary>
    private void NoteLocked(Part part, nint address, in Entry entry, int resets)
    {
        if (!_disposed)
        {
            // Another entry for the address is that of a block that is gone, since this one is there.
            RemoveLocked(part, address, out Entry gone);
            Release(gone);
            if (resets == Volatile.Read(ref _resets) || Inner.Owns(address))
            {
                AddLocked(part, address, entry);
                return;
            }
        }

        Release(entry);
    }

    /// <summary>Notes a block again that could not be freed or resized, unless it is gone: another thread, a collection or a reset was quicker.</summary>
    private void PutBackIfLive(nint address, in Entry entry, Part from)
    {
        bool isBack;
        lock (from.Lock)
        {
            isBack = !_disposed && Inner.Owns(address) && !from.Blocks.ContainsKey(address);
            if (isBack)
            {
                AddLocked(from, address, entry);
            }
        }

        from.EndAbsence();
        if (!isBack)
        {
            Release(entry);
        }
    }

    /// <summary>Takes a block's entry out. Who did so ends its absence: <see cref="NoteResized"/>, <see cref="PutBackIfLive"/>, or <see cref="Part.EndAbsence"/> when the block is gone.</summary>
    private bool TryTakeOut(nint address, out Entry entry, out Part from)
    {
        from = PartOf(address);
        if (TryTakeOut(from, address, out entry))
        {
            return true;
        }

        if (Volatile.Read(ref _guests) != 0)
        {
            foreach (Part part in _parts)
            {
                if (TryTakeOut(part, address, out entry))
                {
                    from = part;
                    return true;
                }
            }
        }

        return false;
    }

    private bool TryTakeOut(Part part, nint address, out Entry entry)
    {
        lock (part.Lock)
        {
            bool isFound = RemoveLocked(part, address, out entry);
            part.BeginAbsence(isFound);
            return isFound;
        }
    }

    /// <summary>Relieves the owner of a block that is gone, whose entry is a guest: its address is another block's now.</summary>
    private void ReleaseGuest(nint address)
    {
        if (Volatile.Read(ref _guests) != 0 && TryTakeOut(address, out Entry gone, out Part from))
        {
            from.EndAbsence();
            Release(gone);
        }
    }

    private void AddLocked(Part part, nint address, in Entry entry)
    {
        part.Blocks.Add(address, entry);
        Interlocked.Add(ref _guests, ReferenceEquals(part, PartOf(address)) ? 0 : 1);
    }

    private bool RemoveLocked(Part part, nint address, out Entry entry)
    {
        bool isFound = part.Blocks.Remove(address, out entry);
        if (isFound && !ReferenceEquals(part, PartOf(address)))
        {
            Interlocked.Decrement(ref _guests);
        }

        return isFound;
    }

    private bool TryFind(nint address, out Entry entry)
    {
        Part own = PartOf(address);
        foreach (Part part in Volatile.Read(ref _guests) == 0 ? new ReadOnlySpan<Part>(in own) : _parts)
        {
            lock (part.Lock)
            {
                if (part.Blocks.TryGetValue(address, out entry))
                {
                    return true;
                }
            }
        }

        entry = default;
        return false;
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
                        RemoveLocked(part, address, out _);
                        Release(entry);
                    }
                }
            }
        }
    }

    /// <summary>Relieves the owner of what an entry says; of an empty one nobody.</summary>
    private void Release(in Entry entry)
    {
        if (entry.Slot != 0)
        {
            Owners.AccountAt(entry.Slot).Release(entry.Bytes);
        }
    }

    private readonly record struct Entry(int Slot, long Bytes);

    private sealed class Part
    {
        private int _absent;

        /// <summary>How many entries more there must be room for: those that may come back, and one.</summary>
        private int Room => Volatile.Read(ref _absent) + 1;

        internal Lock Lock { get; } = new();

        internal Dictionary<nint, Entry> Blocks { get; } = [];

        /// <summary>Makes room for one entry more, with the lock.</summary>
        /// <exception cref="OutOfMemoryException">The GC heap is full; nothing has changed.</exception>
        internal void MakeRoom() => TableRoom.Make(Blocks, Room);

        /// <summary>Like <see cref="MakeRoom"/>; false where the GC heap is full.</summary>
        internal bool TryMakeRoom() => TableRoom.TryMake(Blocks, Room);

        /// <summary>Keeps the place of an entry that was taken out. With the lock.</summary>
        internal void BeginAbsence(bool isFound) => Interlocked.Add(ref _absent, isFound ? 1 : 0);

        /// <summary>Gives the place up, once the entry is back or will not come. Without the lock, so that a free takes it once only.</summary>
        internal void EndAbsence() => Interlocked.Decrement(ref _absent);
    }
}

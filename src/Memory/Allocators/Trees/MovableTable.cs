using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Where the movable blocks are: a slot per handle, in memory of its own. Under <see cref="Lock"/>, which is taken before a zone's.</summary>
internal sealed unsafe class MovableTable : IDisposable
{
    private const int None = -1;
    private const int GrowBytes = 64 << 10;

    internal AllocatorLock Lock;

    private static int s_lastId;

    private readonly int _id = Interlocked.Increment(ref s_lastId);
    private readonly int _maxSlots;
    private readonly nuint _areaBytes;
    private readonly Entry* _entries;
    private int _slots;
    private int _known;
    private int _free = None;
    private bool _released;

    internal MovableTable(int maxSlots)
    {
        _maxSlots = maxSlots;
        _areaBytes = ((nuint)maxSlots * (nuint)sizeof(Entry)) + GrowBytes;
        _entries = (Entry*)VirtualMemory.Reserve(_areaBytes);
    }

    internal long MetadataBytes => (long)Volatile.Read(ref _slots) * sizeof(Entry);

    /// <summary>Takes a slot that holds no block yet.</summary>
    /// <exception cref="VirtualMemoryException">No slot is free and there is no memory for more.</exception>
    internal MovableHandle Take(OwnerId owner)
    {
        int slot = _free;
        if (slot != None)
        {
            _free = _entries[slot].Next;
        }
        else
        {
            if (_known == _slots)
            {
                Grow();
            }

            slot = _known++;
        }

        Entry* entry = _entries + slot;
        entry->Generation++;
        entry->Address = 0;
        entry->Pins = 0;
        entry->Owner = owner.Value;
        return new MovableHandle(slot, entry->Generation, _id);
    }

    /// <summary>Makes handles to a slot stale; <see cref="Recycle"/> follows when its block is free, so that meanwhile no block says it is of a slot that holds another.</summary>
    internal void Retire(MovableHandle handle)
    {
        Entry* entry = _entries + handle.Slot;
        entry->Generation++;
        entry->Address = 0;
    }

    /// <summary>Lets a retired slot be taken again.</summary>
    internal void Recycle(MovableHandle handle)
    {
        _entries[handle.Slot].Next = _free;
        _free = handle.Slot;
    }

    /// <summary>Whether a handle was given out by this table, ever.</summary>
    internal bool IsOurs(MovableHandle handle) => handle.Table == _id;

    /// <summary>Whose the block of a stale handle was, as long as its slot holds no other.</summary>
    internal OwnerId FormerOwner(MovableHandle handle)
        => IsOurs(handle) && (uint)handle.Slot < (uint)_known && _entries[handle.Slot].Generation == handle.Generation + 1 ? new OwnerId(_entries[handle.Slot].Owner) : OwnerId.None;

    /// <summary>The slot of a handle; null when the handle is stale or was never given out.</summary>
    internal Entry* Find(MovableHandle handle)
        => IsOurs(handle) && (uint)handle.Slot < (uint)_known && (handle.Generation & 1) != 0 && _entries[handle.Slot].Generation == handle.Generation ? _entries + handle.Slot : null;

    /// <summary>The slot, if its block is at an address and may be moved.</summary>
    internal Entry* FindUnpinned(int slot, nint address)
        => (uint)slot < (uint)_known && _entries[slot].Address == address && _entries[slot].Pins == 0 ? _entries + slot : null;

    /// <summary>Whether a slot's block is at an address, or is just being allocated or freed.</summary>
    internal bool MayBeAt(int slot, nint address) => (uint)slot < (uint)_known && (_entries[slot].Address == address || _entries[slot].Address == 0);

    /// <summary>The owner of a slot's block; without the lock.</summary>
    internal int OwnerOf(int slot) => (uint)slot < (uint)Volatile.Read(ref _known) ? Volatile.Read(ref _entries[slot].Owner) : 0;

    /// <summary>Makes every handle stale whose block is known; one that is just being allocated is its thread's to finish.</summary>
    internal void GiveAll()
    {
        for (int slot = 0; slot < _known; slot++)
        {
            if (_entries[slot].Address != 0)
            {
                MovableHandle handle = new(slot, _entries[slot].Generation, _id);
                Retire(handle);
                Recycle(handle);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_released)
        {
            _released = true;
            _known = 0;
            VirtualMemory.Release((nint)_entries, _areaBytes);
        }
    }

    private void Grow()
    {
        int more = Math.Min(_maxSlots - _slots, GrowBytes / sizeof(Entry));
        if (more <= 0)
        {
            throw new VirtualMemoryException("Commit", (nint)_entries, GrowBytes, 0, $"all {_maxSlots:N0} movable handles are in use");
        }

        // Whole pages from the start on: what is committed already stays as it is.
        VirtualMemory.Commit((nint)_entries, (nuint)(_slots + more) * (nuint)sizeof(Entry));
        Volatile.Write(ref _slots, _slots + more);
    }

    internal struct Entry
    {
        internal nint Address;
        internal uint Generation;
        internal int Pins;
        internal int Owner;
        internal int Next;
    }
}

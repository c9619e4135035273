namespace DimensionStore.Memory;

/// <summary>Names a block of a <see cref="TreeZoneAllocator"/> that may be moved while it is not pinned. A value; copies name the same block; every other allocator refuses it. The default value names none.</summary>
public readonly record struct MovableHandle
{
    internal MovableHandle(int slot, uint generation, int table)
    {
        Table = table;
        Slot = slot;
        Generation = generation;
    }

    /// <summary>Number of the <see cref="MovableTable"/> that gave it out; 0 for the default value. Slots and generations are alike in all of them.</summary>
    internal int Table { get; }

    internal int Slot { get; }

    /// <summary>Odd while the slot is in use; a handle of an earlier use has another one.</summary>
    internal uint Generation { get; }
}

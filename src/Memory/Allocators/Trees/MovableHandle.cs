namespace DimensionStore.Memory;

/// <summary>Names a block of a <see cref="TreeZoneAllocator"/> that may be moved while it is not pinned. A value; copies name the same block. The default value names none.</summary>
public readonly record struct MovableHandle
{
    internal MovableHandle(int slot, uint generation)
    {
        Slot = slot;
        Generation = generation;
    }

    internal int Slot { get; }

    /// <summary>Odd while the slot is in use; a handle of an earlier use has another one.</summary>
    internal uint Generation { get; }
}

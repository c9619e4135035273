namespace DimensionStore.Memory;

/// <summary>
/// Is told what an allocator does: the hook for event sources, meters, leak trackers and tests. Every member is empty by default, so that an observer implements
/// only what it is interested in. An allocator without an observer pays for the comparison with null and nothing else.
/// </summary>
/// <remarks>
/// Called on the thread that caused the event, after the fact and while no lock of the allocator is held, so an observer may call the allocator, and calls from several threads
/// may come at once and out of order. An observer must not throw: the caller of the allocator would get the exception although its request was done.
/// Allocating on the GC heap is its own decision; nothing that is passed needs it.
/// </remarks>
public interface IAllocatorObserver
{
    /// <summary>A block was handed out.</summary>
    /// <param name="allocator">Who did it.</param>
    /// <param name="address">First byte of the block.</param>
    /// <param name="bytes">Bytes asked for.</param>
    /// <param name="owner">The owner given.</param>
    void OnAllocated(MemoryAllocator allocator, nint address, long bytes, OwnerId owner)
    {
    }

    /// <summary>A block was given back, by its user or, with its owner, by a collection.</summary>
    /// <param name="allocator">Who did it.</param>
    /// <param name="address">First byte of what was the block. It may have been handed out again by now.</param>
    /// <param name="bytes">Usable bytes of the block.</param>
    /// <param name="owner">The owner given when it was allocated, where the allocator remembers it.</param>
    void OnFreed(MemoryAllocator allocator, nint address, long bytes, OwnerId owner)
    {
    }

    /// <summary>A request could not be served: no memory, or a limit or quota is full.</summary>
    /// <param name="allocator">Who refused.</param>
    /// <param name="requestedBytes">Bytes asked for.</param>
    /// <param name="availableBytes">Bytes that were left.</param>
    /// <param name="owner">Who asked.</param>
    void OnAllocationFailed(MemoryAllocator allocator, long requestedBytes, long availableBytes, OwnerId owner)
    {
    }

    /// <summary>The pressure rose or fell to another level.</summary>
    /// <param name="allocator">Whose.</param>
    /// <param name="previous">The level before.</param>
    /// <param name="current">The level now.</param>
    /// <param name="usagePercent">Live bytes in percent of the capacity, 0 to 100.</param>
    void OnPressureChanged(MemoryAllocator allocator, PressureLevel previous, PressureLevel current, double usagePercent)
    {
    }

    /// <summary>A collection ran.</summary>
    /// <param name="allocator">Where.</param>
    /// <param name="freedBlocks">Blocks it dealt with.</param>
    /// <param name="freedBytes">Bytes it made available or gave back.</param>
    /// <param name="duration">How long it took.</param>
    void OnCollected(MemoryAllocator allocator, long freedBlocks, long freedBytes, TimeSpan duration)
    {
    }

    /// <summary>A caller misused a block and was told so by this error, or a <see cref="DiagnosticLayer"/> found a fault that no call could be told of.</summary>
    /// <param name="allocator">Who noticed.</param>
    /// <param name="fault">The error the caller gets, or would have got.</param>
    void OnFault(MemoryAllocator allocator, MemoryFaultException fault)
    {
    }
}

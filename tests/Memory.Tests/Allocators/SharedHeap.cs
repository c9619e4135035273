namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Allocators whose heap knows that several threads use it, so that blocks without owners may be freed without the lock.</summary>
internal static class SharedHeap
{
    /// <summary>Makes one: hands its lock to and fro until it knows.</summary>
    internal static SegregatedAllocator Create(long capacityBytes)
    {
        SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(capacityBytes);
        for (int i = 0; i < 1_000 && !allocator.Heap.IsShared; i++)
        {
            nint block = allocator.Allocate(100);
            ThreadGroup.Run(1, _ => allocator.Free(block));
        }

        Assert.True(allocator.Heap.IsShared, "A thousand foreign frees did not make the heap shared.");
        return allocator;
    }
}

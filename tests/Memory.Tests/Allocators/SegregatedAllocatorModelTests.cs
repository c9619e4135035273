namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Small enough that random runs come to the capacity, and a budget that is reached before it.</summary>
public sealed class SegregatedAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new SegregatedAllocator(new SegregatedOptions
    {
        CapacityBytes = 600 << 10,
        Budget = new MemoryBudget("test", 500 << 10),
    });
}

/// <summary>Blocks of all three kinds, in a heap of several steps of the tables.</summary>
public sealed class LargeSegregatedAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => SegregatedAllocator.WithCapacity(6 << 20);

    protected override int LargestSize => 400_000;
}

namespace DimensionStore.Memory.Tests.Allocators;

public sealed class SlabAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new SlabAllocator(640 << 10, new MemoryBudget("test", 600 << 10));
}

/// <summary>Without a limit that random runs would reach.</summary>
public sealed class RoomySlabAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new SlabAllocator(280L << 20);

    protected override int LargestSize => 33_000;
}

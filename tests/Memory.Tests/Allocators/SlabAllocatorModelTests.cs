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

/// <summary>With pages for what is above the largest slab block.</summary>
public sealed class SlabAllocatorWithPagesModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new SlabAllocator(4 << 20, new MemoryBudget("test", 4 << 20), pagesForLarger: true);

    protected override int LargestSize => 300_000;
}

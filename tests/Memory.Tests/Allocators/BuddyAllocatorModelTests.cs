namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Small blocks in small pageblocks under a tight limit and budget.</summary>
public sealed class BuddyAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new BuddyAllocator(new BuddyOptions
    {
        CapacityBytes = 768 << 10,
        LimitBytes = 600 << 10,
        MinBlockBytes = 64,
        PageblockBytes = 32 << 10,
        CommitAheadBytes = 16 << 10,
        KeepIdleBytes = 64 << 10,
        Budget = new MemoryBudget("test", 560 << 10),
    });
}

/// <summary>As the catalog makes it; requests that span pageblocks.</summary>
public sealed class CatalogBuddyAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => AllocatorCatalog.Create("buddy", new AllocatorSettings { CapacityBytes = 16 << 20 });

    protected override int LargestSize => 1 << 20;
}

/// <summary>For pages: every block is one at least.</summary>
public sealed class PageBuddyAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new BuddyAllocator(new BuddyOptions { CapacityBytes = 8 << 20, PageblockBytes = 64 << 10, CommitAheadBytes = 0, KeepIdleBytes = 0 });

    protected override int LargestSize => 300_000;
}

/// <summary>The smallest geometry there is: two blocks to a pageblock.</summary>
public sealed class TwoBlockBuddyAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new BuddyAllocator(new BuddyOptions { CapacityBytes = 5 << 20, MinBlockBytes = 16 << 10, PageblockBytes = 32 << 10 });

    protected override int LargestSize => 100_000;
}

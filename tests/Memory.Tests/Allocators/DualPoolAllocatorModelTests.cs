namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Small pools under a budget that is smaller still: both fill up, overflow and are refused.</summary>
public sealed class DualPoolAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new DualPoolAllocator(new DualPoolPlan(700, 40), budget: new MemoryBudget("test", 560 << 10));

    protected override int LargestSize => 60_000;
}

/// <summary>Without canaries, so that an object has all of its bytes, with tracking, and without a budget.</summary>
public sealed class PlainDualPoolAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new DualPoolAllocator(new DualPoolPlan(700, 70), new DualPoolOptions { Canaries = false, TrackAllocations = true });
}

/// <summary>As the catalog makes it, where random runs do not come to an end of it.</summary>
public sealed class CatalogDualPoolAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => AllocatorCatalog.Create("dual", new AllocatorSettings { CapacityBytes = 64 << 20 });

    protected override int LargestSize => 300_000;
}

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>The smallest zones there are, with a limit that random runs reach.</summary>
public sealed class SmallTreeZoneModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new TreeZoneAllocator(new TreeZoneOptions
    {
        TotalBytes = TreeZoneAllocator.MinTotalBytes,
        LimitBytes = 600 << 10,
        Budget = new MemoryBudget("test", 560 << 10),
    });
}

/// <summary>The zones of the specification, without a limit that random runs would reach.</summary>
public sealed class TreeZoneModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new TreeZoneAllocator();

    protected override int LargestSize => 60_000;
}

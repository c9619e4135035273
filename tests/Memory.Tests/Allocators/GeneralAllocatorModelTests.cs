namespace DimensionStore.Memory.Tests.Allocators;

public sealed class GeneralAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new GeneralAllocator(1280 << 10, new MemoryBudget("test", 1200 << 10));

    protected override int LargestSize => 150_000;
}

/// <summary>Without a limit that random runs would reach.</summary>
public sealed class RoomyGeneralAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new GeneralAllocator();

    protected override int LargestSize => 300_000;
}

namespace DimensionStore.Memory.Tests.Allocators;

public sealed class ThreadHeapModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new ThreadHeapLayer(new GeneralAllocator(1280 << 10, new MemoryBudget("test", 1200 << 10)));

    protected override int LargestSize => 150_000;
}

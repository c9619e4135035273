namespace DimensionStore.Memory.Tests.Allocators;

public sealed class PoolAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new PoolAllocator(
        [new PoolConfig(64, 6_400), new PoolConfig(128, 128 << 10), new PoolConfig(4 << 10, 256 << 10), new PoolConfig(16 << 10, 512 << 10)],
        limitBytes: 600 << 10,
        new MemoryBudget("test", 560 << 10));
}

/// <summary>The pools of the specification, without a limit that random runs would reach.</summary>
public sealed class DefaultPoolAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new PoolAllocator(PoolConfig.Default, 280L << 20);

    protected override int LargestSize => 300_000;
}

using DimensionStore.Memory.Tests.Allocators;

namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>The layer keeps the contract of what is beneath it.</summary>
public sealed class LatencyLayerModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () =>
        new LatencyLayer(new PoolAllocator([new PoolConfig(128, 128 << 10), new PoolConfig(16 << 10, 512 << 10)], limitBytes: 600 << 10), sampleEvery: 3);
}

public sealed class LatencyLayerTests
{
    [Fact]
    public void Every_successful_operation_is_timed_when_asked()
    {
        using LatencyLayer layer = new(new PoolAllocator(PoolConfig.Default, 1 << 20), sampleEvery: 1);
        nint first = layer.Allocate(100);
        Assert.True(layer.TryAllocate(100, out nint second));
        Assert.False(layer.TryAllocate(1 << 30, out _));
        Assert.Throws<AllocationFailedException>(() => layer.Allocate(1 << 30));
        layer.Free(first);
        layer.FreeSized(second, 100);
        Assert.Throws<MemoryFaultException>(() => layer.Free(second));
        Assert.Equal((2, 2), (layer.Allocations.Count, layer.Frees.Count));
        Assert.True(layer.Allocations.GetSummary().MaxNanoseconds > 0);
    }

    [Fact]
    public void A_sample_sees_allocations_and_frees_that_take_turns()
    {
        using LatencyLayer layer = new(new PoolAllocator(PoolConfig.Default, 1 << 20), sampleEvery: 64);
        for (int i = 0; i < 64_000; i++)
        {
            layer.Free(layer.Allocate(100));
        }

        // A thousand expected of each; the bounds are more than ten standard deviations away.
        Assert.InRange(layer.Allocations.Count, 600, 1400);
        Assert.InRange(layer.Frees.Count, 600, 1400);
    }

    [Fact]
    public void A_rate_below_one_is_refused()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 1 << 20);
        Assert.Throws<ArgumentOutOfRangeException>(() => new LatencyLayer(pool, 0));
    }
}

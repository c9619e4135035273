using DimensionStore.Memory.Tests.Allocators;

namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>Canaries and a quarantine that the limit makes leave early.</summary>
public sealed class DiagnosticPoolModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new DiagnosticLayer(new PoolAllocator(
        [new PoolConfig(64, 6_400), new PoolConfig(256, 128 << 10), new PoolConfig(4 << 10, 256 << 10), new PoolConfig(16 << 10, 512 << 10)],
        limitBytes: 600 << 10,
        new MemoryBudget("test", 560 << 10)));
}

/// <summary>Records and nothing else.</summary>
public sealed class TrackingDualModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new DiagnosticLayer(new DualPoolAllocator(new DualPoolPlan(700, 300)), DiagnosticOptions.Tracking);
}

/// <summary>Layers around layers.</summary>
public sealed class StackedLayersModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new DiagnosticLayer(new DiagnosticLayer(new DualPoolAllocator(new DualPoolPlan(700, 300)), new DiagnosticOptions { QuarantineBytes = 20_000 }));
}

/// <summary>Half of the blocks on pages of their own, in a region that random runs fill.</summary>
public sealed class GuardPageModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new DiagnosticLayer(
        new DualPoolAllocator(new DualPoolPlan(700, 300)),
        new DiagnosticOptions { GuardPagesEvery = 2, GuardPageBytes = 1 << 20, QuarantineBytes = 10_000 });
}

/// <summary>Around an allocator with a heap for each thread, with canaries, quarantine and some guard pages at once.</summary>
public sealed class DiagnosticSlabModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new DiagnosticLayer(
        AllocatorCatalog.Create("slab", new AllocatorSettings { CapacityBytes = 8 << 20 }),
        new DiagnosticOptions { GuardPagesEvery = 20, GuardPageBytes = 1 << 20, QuarantineBytes = 50_000 });

    protected override int LargestSize => 100_000;
}

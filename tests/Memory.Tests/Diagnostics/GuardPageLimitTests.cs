using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>What is on guard pages counts against the limit and the budget of the allocator beneath.</summary>
public sealed class GuardPageLimitTests
{
    private const long Limit = 8 << 20;

    public static TheoryData<string> Allocators => [.. AllocatorCatalog.All.Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Allocators))]
    public void Limit_beneath_holds_for_guard_pages_too(string name)
    {
        MemoryBudget budget = new("test", 1L << 30);
        long before;
        using (DiagnosticLayer layer = new(AllocatorCatalog.Create(name, new AllocatorSettings { CapacityBytes = Limit, Budget = budget }), DiagnosticOptions.Pages))
        {
            before = budget.UsedBytes;
            AllocatorStatistics beneath = layer.Inner.GetStatistics();
            Assert.Equal(beneath.LimitBytes, layer.GetStatistics().LimitBytes);
            Assert.False(layer.TryAllocate(2 * (nuint)beneath.LimitBytes, out _));
            Assert.ThrowsAny<MemoryToolkitException>(() => layer.Allocate(2 * (nuint)beneath.LimitBytes));

            List<nint> blocks = [];
            while (layer.TryAllocate(1_000, out nint block))
            {
                blocks.Add(block);
                AllocatorStatistics now = layer.GetStatistics();
                Assert.InRange(now.CommittedBytes, 1, now.LimitBytes);
                Assert.InRange(now.PeakCommittedBytes, now.CommittedBytes, now.LimitBytes);
                Assert.InRange(budget.UsedBytes, now.CommittedBytes - beneath.CommittedBytes, now.LimitBytes + before);
            }

            // Most are on pages; the limit has room for no more than so many of them.
            Assert.InRange(blocks.Count(block => !IsBeneath(layer, block)), 100, Limit / VirtualMemory.PageSize);
            Assert.True(layer.CheckIntegrity().IsIntact);
            foreach (nint block in blocks)
            {
                layer.Free(block);
            }

            layer.Trim();
            Assert.True(layer.CheckIntegrity().IsIntact);
            Assert.Equal(layer.Inner.GetStatistics().CommittedBytes, layer.GetStatistics().CommittedBytes);
            Assert.True(layer.TryAllocate(1_000, out nint leaked));
            Assert.False(IsBeneath(layer, leaked));
        }

        Assert.Equal(0, budget.UsedBytes);
    }

    [Fact]
    public void Budget_is_charged_and_raises_pressure()
    {
        MemoryBudget budget = new("shared", 100L * VirtualMemory.PageSize);
        List<PressureLevel> levels = [];
        budget.PressureChanged += (_, e) => levels.Add(e.Current);
        using DiagnosticLayer layer = new(new PoolAllocator([new PoolConfig(64, 1 << 20)], 1 << 20, budget), DiagnosticOptions.Pages);
        nint block = layer.Allocate(99 * (nuint)VirtualMemory.PageSize);
        Assert.Equal(99L * VirtualMemory.PageSize, budget.UsedBytes);
        Assert.NotEmpty(levels);
        layer.Free(block);
        Assert.Equal(0, budget.UsedBytes);
        Assert.ThrowsAny<MemoryToolkitException>(() => layer.Allocate(101 * (nuint)VirtualMemory.PageSize));
        Assert.Equal(0, budget.UsedBytes);
    }

    [Fact]
    public void Charges_go_back_to_an_allocator_that_outlives_the_layer()
    {
        MemoryBudget budget = new("shared", 1 << 20);
        using PoolAllocator source = new([new PoolConfig(64, 1 << 20)], 1 << 20, budget);
        DiagnosticLayer layer = new(new ReservePool(source, 48, 0), DiagnosticOptions.Pages);
        layer.Allocate(48);
        Assert.Equal(VirtualMemory.PageSize, budget.UsedBytes);
        layer.Dispose();
        Assert.Equal(0, budget.UsedBytes);
        Assert.True(source.CheckIntegrity().IsIntact);
    }

    private static bool IsBeneath(DiagnosticLayer layer, nint block) => layer.Inner.EnumerateExtents().Any(extent => block >= extent.Address && block < extent.Address + (nint)extent.Bytes);
}

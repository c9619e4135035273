namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What an allocator of the catalog is given is the most it commits.</summary>
public sealed class CatalogLimitTests
{
    public static TheoryData<string, long> Limits()
    {
        var rows = new TheoryData<string, long>();
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            foreach (long limit in new[] { 1, 5000, 64L << 10, 100_000, (1L << 20) + 1, 5L << 20 })
            {
                rows.Add(kind.Name, limit);
            }
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Limits))]
    public void Nothing_is_committed_beyond_the_capacity(string name, long limit)
    {
        const long LeastOfDual = 64 << 10;
        if (name == "dual" && limit < LeastOfDual)
        {
            Assert.Contains($"{limit:N0}", Assert.Throws<ArgumentOutOfRangeException>(() => AllocatorCatalog.Create(name, new AllocatorSettings { CapacityBytes = limit })).Message, StringComparison.Ordinal);
            return;
        }

        using MemoryAllocator allocator = AllocatorCatalog.Create(name, new AllocatorSettings { CapacityBytes = limit });
        var random = new Random(5);
        var live = new List<nint>();
        for (int i = 0; i < 20_000; i++)
        {
            nuint size = (nuint)(i % 50 == 0 ? random.Next(1, 200_000) : random.Next(1, 3000));
            if (allocator.TryAllocate(size, out nint address))
            {
                live.Add(address);
            }
        }

        AllocatorStatistics statistics = allocator.GetStatistics();
        Assert.InRange(statistics.PeakCommittedBytes, 0, limit);
        Assert.True(statistics.FailedAllocationCount > 0);
        Assert.InRange(statistics.LimitBytes, 1, limit);
        if (limit >= 1 << 20)
        {
            Assert.NotEmpty(live);
        }

        live.ForEach(allocator.Free);
        Assert.True(allocator.CheckIntegrity().IsIntact);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(-1L)]
    [InlineData(long.MinValue)]
    public void A_capacity_that_is_none_is_refused_by_its_own_name(long capacity)
    {
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            ArgumentOutOfRangeException refused = Assert.Throws<ArgumentOutOfRangeException>(() => kind.Create(new AllocatorSettings { CapacityBytes = capacity }));
            Assert.Contains($"'{kind.Name}' takes a capacity of at least 1 byte, found {capacity:N0}: {nameof(AllocatorSettings.CapacityBytes)}", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_largest_capacity_works_and_a_larger_one_is_refused_by_name()
    {
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            using (MemoryAllocator allocator = kind.Create(new AllocatorSettings { CapacityBytes = kind.MaxCapacityBytes }))
            {
                allocator.Free(allocator.Allocate(1000));
            }

            string refusal = Assert.Throws<ArgumentOutOfRangeException>(() => kind.Create(new AllocatorSettings { CapacityBytes = kind.MaxCapacityBytes + 1 })).Message;
            Assert.Contains($"'{kind.Name}' takes a capacity of at most {kind.MaxCapacityBytes:N0} bytes, found {kind.MaxCapacityBytes + 1:N0}", refusal, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Errors_of_small_limits_say_what_is_in_the_way()
    {
        using GeneralAllocator general = new(4096);
        string message = Assert.Throws<LimitExceededException>(() => general.Allocate(16)).Message;
        Assert.Contains("committed in larger steps", message, StringComparison.Ordinal);
        Assert.EndsWith("or raise the limit.", message, StringComparison.Ordinal);
        using GeneralAllocator budgeted = new(1 << 20, new MemoryBudget("small budget", 4096));
        message = Assert.Throws<LimitExceededException>(() => budgeted.Allocate(16)).Message;
        Assert.StartsWith("small budget: ", message, StringComparison.Ordinal);
        Assert.EndsWith("or raise the budget.", message, StringComparison.Ordinal);
        Assert.Contains("limitBytes ('-1')", Assert.Throws<ArgumentOutOfRangeException>(() => new SlabAllocator(-1)).Message, StringComparison.Ordinal);
        Assert.DoesNotContain("that is", Assert.Throws<ArgumentOutOfRangeException>(() => AllocatorCatalog.Create("dual", new AllocatorSettings { CapacityBytes = 5000 })).Message, StringComparison.Ordinal);
        using MemoryAllocator large = AllocatorCatalog.Create("large", new AllocatorSettings { CapacityBytes = 64 << 20 });
        Assert.Contains("is 67,108,864 bytes", Assert.Throws<AllocationFailedException>(() => large.Allocate(300 << 20)).Message, StringComparison.Ordinal);
    }
}

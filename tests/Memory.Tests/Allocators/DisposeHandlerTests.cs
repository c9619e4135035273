namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What handlers of a budget's events may do while an allocator gives its memory back.</summary>
public sealed class DisposeHandlerTests
{
    private const int MiB = 1 << 20;

    private readonly MemoryBudget _budget = new("test", 8 * MiB);
    private readonly OwnerLedger _ledger = new();

    [Fact]
    public void Handler_may_wait_for_another_thread_that_looks_at_the_allocator()
    {
        GeneralAllocator allocator = new(64 * MiB, _budget);
        Fill(allocator);
        bool hasLooked = false;
        _budget.PressureChanged += (_, _) =>
        {
            Thread other = new(() => allocator.GetStatistics()) { IsBackground = true };
            other.Start();
            hasLooked = other.Join(TimeSpan.FromSeconds(30));
        };
        allocator.Dispose();
        Assert.True(hasLooked);
        Assert.Equal((0L, 2L, 0L), (_budget.UsedBytes, allocator.GetStatistics().LeakedBlocks, allocator.GetStatistics().LiveBlocks));
    }

    [Theory]
    [InlineData("general")]
    [InlineData("quota")]
    [InlineData("guard pages")]
    public void All_is_given_back_whatever_a_handler_throws(string kind)
    {
        GeneralAllocator general = new(64 * MiB, _budget);
        MemoryAllocator allocator = kind switch
        {
            "quota" => new OwnerQuotaLayer(general, _ledger),
            "guard pages" => new DiagnosticLayer(general, DiagnosticOptions.Pages),
            _ => general,
        };
        Fill(allocator);
        _budget.PressureChanged += static (_, _) => throw new InvalidOperationException("from a handler");
        Assert.Throws<InvalidOperationException>(allocator.Dispose);
        Assert.Equal((0L, 0L, 0L), (_budget.UsedBytes, general.GetStatistics().CommittedBytes, _ledger.GetUsage(new OwnerId(1)).UsedBytes));
    }

    /// <summary>A block that takes most of the budget, and a small one, with an alignment for which there are no guard pages.</summary>
    private static void Fill(MemoryAllocator allocator)
    {
        allocator.Allocate(6 * MiB + 1, owner: new OwnerId(1));
        allocator.Allocate(100, 2 * 4096, owner: new OwnerId(1));
    }
}

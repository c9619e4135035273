namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Where small blocks go decides what is left for long ones.</summary>
public sealed class SmallAmongLongTests
{
    [Theory]
    [InlineData("general", 2048)]
    [InlineData("buddy", 2048)]
    [InlineData("buddy", 1500)]
    [InlineData("zone", 2048)]
    [InlineData("segregated", 2048)]
    [InlineData("segregated", 1500)]
    [InlineData("tree", 2048)]
    public void Finds_room_where_it_was_before_though_lines_stay_between(string name, int lineBytes)
    {
        using MemoryAllocator allocator = AllocatorCatalog.Create(name, new AllocatorSettings());
        nint text = allocator.Allocate(8192);
        for (int step = 1; step <= 40_000; step++)
        {
            // A program that appends to a string: a longer one each time, and the one before is freed. Now and then it keeps a line.
            nint longer = allocator.Allocate((nuint)(8192 + (4 * step)));
            allocator.Free(text);
            text = longer;
            if (step % 24 == 0)
            {
                allocator.Allocate((nuint)lineBytes);
            }
        }

        AllocatorStatistics statistics = allocator.GetStatistics();
        Assert.InRange(statistics.CommittedBytes - statistics.IdleBytes, statistics.LiveBytes, statistics.LiveBytes * 11 / 10);
        Assert.InRange(statistics.CommittedBytes, statistics.LiveBytes, statistics.LiveBytes * 3 / 2);
        Assert.InRange(statistics.MetadataOverhead, 0.001, 0.06);
        Assert.True(allocator.CheckIntegrity().IsIntact);
    }

    [Theory]
    [InlineData("general", 64)]
    [InlineData("buddy", 64)]
    [InlineData("buddy", 128)]
    [InlineData("buddy", 100)]
    [InlineData("zone", 64)]
    [InlineData("segregated", 64)]
    [InlineData("tree", 64)]
    public void Long_blocks_that_come_and_go_leave_no_small_ones_all_over(string name, int smallBytes)
    {
        using MemoryAllocator allocator = AllocatorCatalog.Create(name, new AllocatorSettings());
        Random random = new(5);
        List<nint> small = [];
        for (int step = 0; step < 20_000; step++)
        {
            nint passing = allocator.Allocate((nuint)random.Next(20_000, 120_000));
            nint stays = allocator.Allocate((nuint)smallBytes);
            allocator.Free(passing);
            small.Add(stays);
            if (small.Count > 4000)
            {
                int gone = random.Next(small.Count);
                allocator.Free(small[gone]);
                small.RemoveAt(gone);
            }
        }

        AllocatorStatistics statistics = allocator.GetStatistics();
        Assert.InRange(statistics.CommittedBytes, statistics.LiveBytes, statistics.LiveBytes + (2 << 20));
        Assert.True(allocator.CheckIntegrity().IsIntact);
    }
}

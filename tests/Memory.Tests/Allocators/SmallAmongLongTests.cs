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

    [Theory]
    [InlineData("general")]
    [InlineData("buddy")]
    [InlineData("zone")]
    public void Buffer_that_grows_keeps_room_behind_it_though_small_blocks_come(string name)
    {
        using MemoryAllocator allocator = AllocatorCatalog.Create(name, new AllocatorSettings { CapacityBytes = 256 << 20 });
        Random random = new(5);
        nint buffer = allocator.Allocate(1000);
        int moves = 0;
        for (int step = 1; step <= 20_000; step++)
        {
            nint now = allocator.Reallocate(buffer, (nuint)(1000 + (700 * step)));
            moves += now != buffer ? 1 : 0;
            buffer = now;
            if (step % 10 == 0)
            {
                allocator.Allocate((nuint)random.Next(16, 3000));
            }
        }

        AllocatorStatistics statistics = allocator.GetStatistics();
        Assert.InRange(moves, 0, 600);
        Assert.InRange(statistics.CommittedBytes, statistics.LiveBytes, 2 * statistics.LiveBytes);
        Assert.True(allocator.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Long_block_finds_free_pageblocks_wherever_they_begin()
    {
        const int Pageblock = 64 << 10;
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 16 * Pageblock, PageblockBytes = Pageblock });
        nint[] blocks = [.. Enumerable.Range(0, 16).Select(_ => buddy.Allocate(Pageblock))];
        for (int i = 1; i <= 6; i++)
        {
            buddy.Free(blocks[i]);
        }

        buddy.Free(blocks[10]);
        string refusal = Assert.Throws<AllocationFailedException>(() => buddy.Allocate((6 * Pageblock) + 1)).Message;
        Assert.Contains($"the largest has {6 * Pageblock:N0} bytes", refusal, StringComparison.Ordinal);
        nint run = buddy.Allocate((5 * Pageblock) - 100);
        Assert.Equal(blocks[1], run);
        Assert.True(buddy.CheckIntegrity().IsIntact);
        Assert.Equal(blocks[6], buddy.Allocate(Pageblock));
        Assert.Equal(blocks[10], buddy.Allocate(Pageblock));
        buddy.FreeSized(run, (5 * Pageblock) - 100);

        // Aligned to more than a pageblock it does not fit where the run begins.
        Assert.Throws<AllocationFailedException>(() => buddy.Allocate(4 * Pageblock, 8 * Pageblock));
        Assert.True(buddy.CheckIntegrity().IsIntact);
    }
}

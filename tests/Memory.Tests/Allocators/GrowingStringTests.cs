namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Where small blocks go decides what is left for longer ones.</summary>
public sealed class GrowingStringTests
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
}

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Which hole a block goes into decides what is left for longer ones.</summary>
public sealed class BuddyHoleTests
{
    [Theory]
    [InlineData(2048)]
    [InlineData(2000)]
    public void Long_blocks_find_room_where_their_smaller_ones_were_though_others_stay_between(int lineBytes)
    {
        using BuddyAllocator buddy = new(new BuddyOptions { MinBlockBytes = 64 });
        nint text = buddy.Allocate(8192);
        for (int step = 1; step <= 40_000; step++)
        {
            // A program that appends to a string: a longer one each time, and the one before is freed. Now and then it keeps a line.
            nint longer = buddy.Allocate((nuint)(8192 + step));
            buddy.Free(text);
            text = longer;
            if (step % 24 == 0)
            {
                buddy.Allocate((nuint)lineBytes);
            }
        }

        AllocatorStatistics statistics = buddy.GetStatistics();
        Assert.InRange(statistics.CommittedBytes, statistics.LiveBytes, statistics.LiveBytes * 5 / 4);
        Assert.InRange(statistics.MetadataOverhead, 0.001, 0.05);
        Assert.True(buddy.CheckIntegrity().IsIntact);
    }
}

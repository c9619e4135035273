namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What slabs keep for themselves follows what is used of them, on the GC heap too.</summary>
public sealed class SlabMetadataTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void Managed_memory_does_not_follow_the_capacity()
    {
        ManagedBytesOf(1L << 30);
        long small = ManagedBytesOf(1L << 30);
        long large = ManagedBytesOf(1L << 34);

        // Two bits for each pageblock of 2 MiB that there may be are all that does.
        Assert.InRange(large - small, 0, 16 << 10);

        static long ManagedBytesOf(long capacityBytes)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            using GeneralAllocator allocator = new(capacityBytes);
            allocator.Allocate(64);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public void Slabs_are_known_when_there_are_more_than_before()
    {
        using SlabAllocator allocator = new(128 * MiB);
        List<nint> blocks = [];
        for (int target = 3; target <= 96; target *= 2)
        {
            while (blocks.Count < target * (MiB / 1024))
            {
                blocks.Add(allocator.Allocate(1024));
            }

            Assert.Empty(allocator.CheckIntegrity().Violations);
            Assert.Equal(blocks.Count, allocator.GetStatistics().LiveBlocks);
        }

        Assert.InRange(allocator.GetStatistics().MetadataOverhead, 0.0001, 0.05);
        long committed = allocator.GetStatistics().CommittedBytes;
        blocks.ForEach(allocator.Free);
        blocks.Clear();
        while (blocks.Count < 90 * (MiB / 1024))
        {
            blocks.Add(allocator.Allocate(1024));
        }

        Assert.Equal(committed, allocator.GetStatistics().CommittedBytes);
        blocks.ForEach(allocator.Free);
        allocator.Trim();
        Assert.Empty(allocator.CheckIntegrity().Violations);
        Assert.Equal(0, allocator.GetStatistics().LiveBlocks);

        // What lies beyond the capacity is not found however often the maps have grown.
        while (allocator.TryAllocate(1024, out _))
        {
        }

        Assert.InRange(allocator.GetStatistics().CommittedBytes, 120 * MiB, 128 * MiB);
    }

    [Fact]
    public void Tables_for_owners_come_with_the_first_owner()
    {
        using GeneralAllocator allocator = new();
        allocator.Free(allocator.Allocate(64));
        long before = allocator.GetStatistics().MetadataBytes;
        allocator.Free(allocator.Allocate(64, owner: new OwnerId(7)));
        Assert.True(allocator.GetStatistics().MetadataBytes > before);
        Assert.Empty(allocator.CheckIntegrity().Violations);
    }
}

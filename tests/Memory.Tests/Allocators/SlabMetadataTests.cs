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
    public void Heap_costs_what_the_sizes_in_use_need()
    {
        long[] first = Costs();

        // Again with the same thread's heap memory, in which now lies what the first allocator knew.
        Assert.Equal(first, Costs());

        // One of 72 sizes: a line for each of them, 1,024 states, and little more. For each of the next, its states, its slab, its unit and what its bin knows of them.
        Assert.InRange(first[0], 1, 7 << 10);
        for (int i = 1; i < first.Length; i++)
        {
            int states = 16 * 1024 / ((i + 1) * 16);
            Assert.InRange(first[i] - first[i - 1], states, states + 64 + 64 + 32 + 40);
        }

        static long[] Costs()
        {
            using SlabAllocator allocator = new(64 * MiB);
            long[] costs = new long[8];
            for (int i = 0; i < costs.Length; i++)
            {
                nint block = allocator.Allocate((nuint)((i + 1) * 16));
                costs[i] = allocator.GetStatistics().MetadataBytes;
                allocator.Free(block);
                allocator.Free(allocator.Allocate((nuint)((i + 1) * 16)));
                Assert.Equal(costs[i], allocator.GetStatistics().MetadataBytes);
                Assert.Empty(allocator.CheckIntegrity().Violations);
            }

            return costs;
        }
    }

    [Fact]
    public void Every_address_of_a_slab_leads_to_a_state()
    {
        foreach (SlabGeometry geometry in SizeClasses.All)
        {
            int least = (geometry.BlockBytes + SlabChunks.UnitBytes - 1) / SlabChunks.UnitBytes;
            foreach (int units in (int[])[least, geometry.SmallUnits, geometry.LargeUnits])
            {
                int capacity = geometry.BlocksIn(units);
                ulong last = ((ulong)((units * SlabChunks.UnitBytes) - 1) * geometry.Reciprocal) >> 32;
                Assert.InRange(geometry.StateBytes(units, capacity), (int)last + 1, capacity + 64);
                Assert.Equal(0, geometry.StateBytes(units, capacity) % 64);
            }
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

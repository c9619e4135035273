using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What the buddy system keeps for itself follows what is used of it, and sets that have grown have lost nothing.</summary>
public sealed class BuddyMetadataTests
{
    [Theory]
    [InlineData(64)]
    [InlineData(4096)]
    public void A_small_program_does_not_pay_for_the_capacity(int minBlockBytes)
    {
        using BuddyAllocator small = new(new BuddyOptions { MinBlockBytes = minBlockBytes, CapacityBytes = 1L << 28 });
        using BuddyAllocator large = new(new BuddyOptions { MinBlockBytes = minBlockBytes, CapacityBytes = 1L << 32 });
        small.Allocate(100);
        large.Allocate(100);

        // The pages of the headers and the table, one for all where blocks are pages, and the sets; those of runs of pageblocks have two bits for each that there may be.
        long bits = large.GetStatistics().LimitBytes / Math.Min(4096L * minBlockBytes, 2 << 20) / 4;
        Assert.InRange(large.GetStatistics().MetadataBytes, 1, ((minBlockBytes < 4096 ? 3 : 1) * VirtualMemory.PageSize) + (3 << 10) + bits);
        Assert.InRange(large.GetStatistics().MetadataBytes - small.GetStatistics().MetadataBytes, 0, bits + 512);
    }

    [Fact]
    public void Pageblocks_are_found_when_the_sets_have_grown()
    {
        using BuddyAllocator allocator = new(new BuddyOptions { MinBlockBytes = 64, CapacityBytes = 1L << 31 });
        List<nint> holes = [];
        HashSet<nint> places = [];
        for (int round = 0; round < 10; round++)
        {
            // Blocks of three kinds apart from each other, and then as much as makes the known pageblocks twice as many; never touched.
            for (int kind = 0; kind < 3; kind++)
            {
                nint hole = allocator.AllocatePages(0, (PageMobility)kind);
                allocator.AllocatePages(0, (PageMobility)kind);
                holes.Add(hole);
            }

            allocator.Allocate((nuint)(256 << 10) << round);
            Assert.Empty(allocator.CheckIntegrity().Violations);
        }

        holes.ForEach(allocator.Free);
        places.UnionWith(holes);
        Assert.Empty(allocator.CheckIntegrity().Violations);
        for (int i = 0; i < holes.Count; i++)
        {
            Assert.Contains(allocator.AllocatePages(0, (PageMobility)(i % 3)), places);
        }

        allocator.Reset();
        allocator.Trim();
        Assert.Empty(allocator.CheckIntegrity().Violations);
    }

    [Fact]
    public void A_set_keeps_its_members_when_it_grows()
    {
        Random random = new(5);
        BitTree tree = new(0);
        SortedSet<int> members = [];
        foreach (int size in new[] { 1, 60, 64, 65, 500, 4096, 5000, 300_000 })
        {
            tree.Grow(size);
            for (int i = 0; i < 20; i++)
            {
                int member = random.Next(size);
                tree.Add(member);
                members.Add(member);
                int gone = members.ElementAt(random.Next(members.Count));
                if (members.Count > 3)
                {
                    tree.Remove(gone);
                    members.Remove(gone);
                }
            }

            // Smaller is no change.
            tree.Grow(1);
            List<int> found = [];
            for (int item = tree.Next(0); item >= 0; item = tree.Next(item + 1))
            {
                found.Add(item);
            }

            Assert.Equal(members, found);
            Assert.Equal((members.Min, members.Max), (tree.First(), tree.Last()));
        }

        foreach (int member in members.ToArray())
        {
            Assert.False(tree.IsEmpty);
            tree.Remove(member);
        }

        Assert.True(tree.IsEmpty);
    }
}

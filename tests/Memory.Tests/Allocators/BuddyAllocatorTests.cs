using DimensionStore.Memory.Native;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed class BuddyAllocatorTests
{
    private const int KiB = 1 << 10;
    private const int MiB = 1 << 20;

    [Fact]
    public void Block_is_cut_from_the_smallest_power_of_two_and_merged_again()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 4 * MiB });
        nint first = buddy.AllocatePages(0);
        nint second = buddy.AllocatePages(0);
        nint fourth = buddy.AllocatePages(2);
        Assert.Equal([first + VirtualMemory.PageSize, first + (4 * VirtualMemory.PageSize)], [second, fourth]);
        buddy.FreePages(first, 0);
        Assert.Equal(first, buddy.AllocatePages(0));
        buddy.FreePages(second, 0);
        buddy.FreePages(fourth, 2);
        Assert.False(buddy.AreasForTest[0].IsWhole());
        buddy.FreePages(first, 0);
        Assert.True(buddy.AreasForTest[0].IsWhole());
    }

    [Fact]
    public void Pages_of_an_order_are_aligned_to_their_size()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB, MinBlockBytes = 64 });
        for (int order = 0; order <= 12; order++)
        {
            nint pages = order % 2 == 0 ? buddy.AllocatePages(order, PageMobility.Movable) : buddy.AllocatePagesOnNode(order - 2, order, PageMobility.Movable);
            Assert.Equal(0, pages & (((nint)VirtualMemory.PageSize << order) - 1));
            Assert.Equal((nuint)VirtualMemory.PageSize << order, buddy.UsableSize(pages));
            Assert.Equal(MemoryFault.WrongSize, Assert.Throws<MemoryFaultException>(() => buddy.FreePages(pages, order + 1)).Fault);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => buddy.AllocatePages(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => buddy.AllocatePagesOnNode(-2, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => buddy.AllocatePages(buddy.MaxPageOrder + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => buddy.AllocatePages(0, (PageMobility)7));
        Assert.Equal(0, buddy.GetStatistics().FailedAllocationCount);
    }

    [Theory]
    [InlineData(1, 64)]
    [InlineData(64, 64)]
    [InlineData(65, 128)]
    [InlineData(1000, 1024)]
    [InlineData(1025, 1088)]
    [InlineData(300 * KiB, 300 * KiB)]
    [InlineData((300 * KiB) + 1, (300 * KiB) + 64)]
    [InlineData((3 * MiB) + 70, (3 * MiB) + 128)]
    public void Only_whole_smallest_blocks_are_taken_and_the_rest_goes_back(int size, int usable)
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 8 * MiB, MinBlockBytes = 64 });
        nint block = buddy.Allocate((nuint)size);
        Assert.Equal((nuint)usable, buddy.UsableSize(block));
        Assert.Equal(((long)usable, (long)size), (buddy.GetStatistics().LiveBytes, buddy.GetStatistics().RequestedBytes));

        // The rest serves what was not known when the block was cut.
        nint next = buddy.Allocate(64);
        Assert.Equal(block + usable, next);
        Assert.True(buddy.CheckIntegrity().IsIntact);
        buddy.Free(block);
        buddy.Free(next);
        Assert.True(buddy.AreasForTest[0].IsWhole());
    }

    [Fact]
    public void Any_sequence_ends_in_the_initial_state_when_all_is_freed()
        => Prop.ForAll(Gen.Choose(1, 400_000).ArrayOf(60).ToArbitrary(), Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), (sizes, seed) =>
        {
            using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = (5 * MiB) + (300 * KiB), MinBlockBytes = 128, PageblockBytes = 128 * KiB });
            Random random = new(seed);
            List<nint> live = [];
            foreach (int size in sizes)
            {
                AllocationOptions kind = random.Next(3) switch { 0 => AllocationOptions.None, 1 => AllocationOptions.Movable, _ => AllocationOptions.Reclaimable };
                if (buddy.TryAllocate((nuint)(size >> random.Next(12)) + 1, out nint address, (nuint)16 << random.Next(12), kind))
                {
                    live.Add(address);
                }

                if (random.Next(3) == 0 && live.Count > 0)
                {
                    int index = random.Next(live.Count);
                    buddy.Free(live[index]);
                    live.RemoveAt(index);
                }
            }

            IntegrityReport report = buddy.CheckIntegrity();
            Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));
            while (live.Count > 0)
            {
                int index = random.Next(live.Count);
                buddy.Free(live[index]);
                live.RemoveAt(index);
            }

            Assert.True(buddy.AreasForTest[0].IsWhole());
            Assert.True(buddy.CheckIntegrity().IsIntact);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Kinds_keep_to_their_own_pageblocks_until_there_are_none_left()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 4 * 64 * KiB, PageblockBytes = 64 * KiB });
        nint pinned = buddy.AllocatePages(0);
        nint cache = buddy.AllocatePages(0, PageMobility.Reclaimable);
        nint moving = buddy.AllocatePages(0, PageMobility.Movable);
        Assert.Equal(3, new[] { pinned, cache, moving }.Select(address => address >> 16).Distinct().Count());
        Assert.Equal([1L, 1L, 1L], buddy.GetMobilityStatistics().Select(kind => kind.Pageblocks));
        Assert.Equal([0L, 0L, 0L], buddy.GetMobilityStatistics().Select(kind => kind.FallbackCount));

        // 15 pages left, the fourth pageblock, and then one of the others'.
        for (int i = 0; i < 31; i++)
        {
            buddy.AllocatePages(0);
        }

        Assert.Equal(0, buddy.GetMobilityStatistics()[0].FallbackCount);
        nint stolen = buddy.AllocatePages(0);
        Assert.Equal(cache >> 16, stolen >> 16);
        MobilityStatistics unmovable = buddy.GetMobilityStatistics()[0];
        Assert.Equal((33L, 1L, 1L, 3L), (unmovable.AllocationCount, unmovable.FallbackCount, unmovable.ConversionCount, unmovable.Pageblocks));
        Assert.Equal(0, buddy.GetMobilityStatistics()[1].Pageblocks);
        Assert.True(buddy.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Grouping_by_kind_leaves_whole_pageblocks_where_mixing_would_not()
    {
        Assert.Equal(32, FreePageblocksAfter(grouped: true));
        Assert.InRange(FreePageblocksAfter(grouped: false), 0, 4);

        // Every eighth page is long-lived, the others go. Kept apart, they leave 7 of 8 pageblocks whole; the control mixes them.
        static long FreePageblocksAfter(bool grouped)
        {
            using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 40 * 64 * KiB, PageblockBytes = 64 * KiB, KeepIdleBytes = 0 });
            List<nint> passing = [];
            for (int i = 0; i < 32 * 16; i++)
            {
                bool stays = i % 8 == 0;
                nint page = buddy.AllocatePages(0, stays || !grouped ? PageMobility.Unmovable : PageMobility.Movable);
                if (!stays)
                {
                    passing.Add(page);
                }
            }

            passing.ForEach(buddy.Free);
            return 36 - buddy.GetMobilityStatistics().Sum(kind => kind.Pageblocks);
        }
    }

    [Fact]
    public void Request_that_may_not_grow_finds_committed_memory_wherever_it_is()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 8 * MiB, MinBlockBytes = 64, CommitAheadBytes = 0 });
        nint low = buddy.Allocate(64 * KiB);
        nint high = buddy.Allocate(64 * KiB, options: AllocationOptions.Movable);
        nint mark = buddy.Allocate(64, options: AllocationOptions.Movable);
        buddy.Free(low);
        buddy.Trim();
        buddy.Free(high);
        Assert.NotEqual(high, low);
        long committed = buddy.GetStatistics().CommittedBytes;
        Assert.Equal(high, buddy.Allocate(40 * KiB, options: AllocationOptions.NoGrow));
        Assert.Equal(committed, buddy.GetStatistics().CommittedBytes);
        Assert.Contains("forbids growing", Assert.Throws<AllocationFailedException>(() => buddy.Allocate(64 * KiB, options: AllocationOptions.NoGrow)).Message, StringComparison.Ordinal);
        buddy.Free(mark);
    }

    [Fact]
    public void Free_memory_of_another_kind_serves_when_the_limit_forbids_to_commit()
    {
        MemoryBudget budget = new("shared", 64 * KiB);
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 8 * MiB, Budget = budget });
        List<nint> pages = [];
        while (buddy.TryAllocate(4096, out nint page, options: AllocationOptions.Movable))
        {
            pages.Add(page);
        }

        Assert.Equal(64 * KiB / Math.Max(4096, VirtualMemory.PageSize), pages.Count);
        LimitExceededException full = Assert.Throws<LimitExceededException>(() => buddy.Allocate(100));
        Assert.Equal(("shared", 100L, 64L * KiB), (full.LimitName, full.RequestedBytes, full.UsedBytes));
        buddy.Free(pages[3]);
        Assert.Equal(pages[3], buddy.Allocate(100));
        Assert.Equal(64 * KiB, budget.UsedBytes);
    }

    [Fact]
    public void Double_free_names_size_and_owner_of_the_last_life_also_after_merging_trim_and_reset()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 8 * MiB, MinBlockBytes = 64 });
        foreach (nuint size in new nuint[] { 1234, 200_000, 3_000_000 })
        {
            nint before = buddy.Allocate(64);
            nint address = buddy.Allocate(size, owner: new OwnerId(42));
            buddy.Free(before);
            buddy.Free(address);
            AssertDoubleFree(address, size);
            buddy.Trim();
            AssertDoubleFree(address, size);
            buddy.Reset();
            AssertDoubleFree(address, size);
        }

        void AssertDoubleFree(nint address, nuint size)
        {
            MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => buddy.Free(address));
            Assert.Equal((MemoryFault.DoubleFree, (long)size, new OwnerId(42)), (fault.Fault, fault.SizeBytes, fault.Owner));
        }
    }

    [Fact]
    public void Trim_after_a_peak_leaves_little_more_than_the_live_bytes()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 256 * MiB, MinBlockBytes = 64 });
        Random random = new(7);
        nint[] blocks = [.. Enumerable.Range(0, 60_000).Select(_ => buddy.Allocate((nuint)random.Next(16, 4_097)))];
        foreach (nint block in blocks[10_000..])
        {
            buddy.Free(block);
        }

        AllocatorStatistics peak = buddy.GetStatistics();
        buddy.Trim();
        AllocatorStatistics after = buddy.GetStatistics();
        Assert.InRange(after.CommittedBytes + after.MetadataBytes, after.LiveBytes, after.LiveBytes * 11 / 10);
        Assert.True(after.MetadataBytes < peak.MetadataBytes / 2);
        Assert.True(buddy.CheckIntegrity().IsIntact);

        // What was given back comes again, and the first peak's blocks that nothing lies over are still known to be free.
        nint[] again = [.. Enumerable.Range(0, 20_000).Select(_ => buddy.Allocate(1_000))];
        Assert.True(buddy.CheckIntegrity().IsIntact);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => buddy.Free(blocks[^1])).Fault);
        Assert.Equal(20_000, again.Distinct().Count());
    }

    [Fact]
    public void Double_free_is_found_also_where_trim_has_forgotten_the_sizes()
    {
        const int Count = 50_000;
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB, MinBlockBytes = 64 });
        nint[] blocks = [.. Enumerable.Range(0, Count).Select(_ => buddy.Allocate(60))];
        foreach (nint block in blocks)
        {
            buddy.Free(block);
        }

        buddy.Trim();
        long kept = buddy.GetStatistics().MetadataBytes;
        Assert.InRange(kept, 1, 256 * KiB);
        List<MemoryFaultException> faults = [.. blocks.Select(block => Assert.Throws<MemoryFaultException>(() => buddy.Free(block)))];
        Assert.All(faults, fault => Assert.Equal(MemoryFault.DoubleFree, fault.Fault));
        Assert.All(faults, fault => Assert.True(fault.SizeBytes is 0 or 60));
        Assert.Contains(faults, fault => fault.SizeBytes == 60);
        Assert.Contains(faults, fault => fault.Message.Contains("not known any more", StringComparison.Ordinal));

        // Also once the pageblock is in use again, beside what is live in it.
        nint one = buddy.Allocate(60);
        Assert.Contains(one, blocks);
        foreach (nint block in blocks.Where(block => block != one))
        {
            Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => buddy.Free(block)).Fault);
        }

        Assert.Equal(MemoryFault.NotABlockStart, Assert.Throws<MemoryFaultException>(() => buddy.Free(blocks[1] + 1)).Fault);
        buddy.Free(one);
        Assert.Equal(0, buddy.GetStatistics().LiveBlocks);
        Assert.True(buddy.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Address_inside_a_block_names_the_block()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 16 * MiB, MinBlockBytes = 64 });
        foreach (int size in new[] { 100, 200_000, 3_000_000 })
        {
            nint address = buddy.Allocate((nuint)size, owner: new OwnerId(5));
            foreach (int into in new[] { 1, 64, (size / 2) + 1, size - 1 })
            {
                MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => buddy.Free(address + into));
                Assert.Equal((MemoryFault.NotABlockStart, (long)size, new OwnerId(5)), (fault.Fault, fault.SizeBytes, fault.Owner));
                Assert.Contains($"0x{address:x}", fault.Message, StringComparison.Ordinal);
            }
        }

        Assert.Equal(MemoryFault.NotABlockStart, Assert.Throws<MemoryFaultException>(() => buddy.Free(buddy.EnumerateBlocks().First().Address + (15 * MiB))).Fault);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Integrity_check_finds_every_kind_of_damage(int kind)
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 8 * MiB, MinBlockBytes = 64 });
        buddy.Allocate(1000);
        nint address = buddy.Allocate(64);
        Assert.True(buddy.CheckIntegrity().IsIntact);
        Action<nint> damage = kind switch { 0 => buddy.AreasForTest[0].DamageHeadForTest, 1 => buddy.AreasForTest[0].DamageFreeListForTest, 2 => buddy.AreasForTest[0].DamageCommitForTest, _ => buddy.AreasForTest[0].DamageHolesForTest };
        damage(address);
        IntegrityReport report = buddy.CheckIntegrity();
        Assert.Contains(report.Violations, violation => violation.Contains(kind switch { 0 => "in 0 blocks", 1 => "in 2 blocks", 2 => "not committed", _ => "2 are counted" }, StringComparison.Ordinal));
    }

    [Fact]
    public void Memory_after_a_peak_goes_back_by_itself()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 256 * MiB, MinBlockBytes = 64, KeepIdleBytes = 2 * MiB });
        nint[] blocks = [.. Enumerable.Range(0, 25_000).Select(_ => buddy.Allocate(4_096))];
        Assert.True(buddy.GetStatistics().CommittedBytes > 90 * MiB);
        foreach (nint block in blocks[1..])
        {
            buddy.Free(block);
        }

        AllocatorStatistics after = buddy.GetStatistics();
        Assert.InRange(after.CommittedBytes, 4_096, 3 * MiB);
        Assert.InRange(after.PeakCommittedBytes, 90 * MiB, 110 * MiB);
        Assert.True(buddy.CheckIntegrity().IsIntact);
        buddy.Trim();
        Assert.Equal(VirtualMemory.PageSize, buddy.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Bookkeeping_stays_below_five_percent()
    {
        foreach (int least in new[] { 64, 4096 })
        {
            using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB, MinBlockBytes = least });
            while (buddy.TryAllocate((nuint)least, out _))
            {
            }

            Assert.Equal(64 * MiB, buddy.GetStatistics().LiveBytes);
            Assert.InRange(buddy.GetStatistics().MetadataOverhead, 0.0001, least == 64 ? 0.03 : 0.001);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Long_churn_of_random_sizes_leaves_little_between_the_blocks(bool shifts)
    {
        const int Live = 5_000;
        const int Turns = 200_000;
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB, MinBlockBytes = 64 });
        Random random = new(1);
        nint[] blocks = new nint[Live];
        for (int turn = 0; turn < Turns; turn++)
        {
            ref nint block = ref blocks[turn < Live ? turn : random.Next(Live)];
            if (block != 0)
            {
                buddy.Free(block);
            }

            // Four times up to 4 KB, four times up to 1 KB.
            int most = shifts && (turn / 25_000) % 2 == 0 ? 1_024 : 4_096;
            block = buddy.Allocate((nuint)random.Next(16, most + 1));
        }

        // Without the index over holes by length: 20 and 25 %.
        Assert.InRange(buddy.GetStatistics().ExternalFragmentation, 0, 0.1);
        Assert.True(buddy.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Odd_sizes_leave_little_between_them()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB, MinBlockBytes = 64 });
        for (int i = 0; i < 8_000; i++)
        {
            buddy.Allocate(5_000);
        }

        Assert.InRange(buddy.GetStatistics().ExternalFragmentation, 0, 0.1);
        Assert.True(buddy.CheckIntegrity().IsIntact);
    }

    [Fact]
    public unsafe void Reallocation_keeps_a_block_in_place_where_it_can()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB, MinBlockBytes = 64 });
        nint block = buddy.Allocate(2 * MiB, owner: new OwnerId(9));
        foreach (int size in new[] { (2 * MiB) - 1, (2 * MiB) - 64, MiB + 100, MiB, 300_000, 100_000, 100, 64, 1, 128, 4_000 })
        {
            Assert.Equal(block, buddy.Reallocate(block, (nuint)size));
            Assert.Equal((nuint)((size + 63) / 64 * 64), buddy.UsableSize(block));
            Assert.Equal((long)size, buddy.GetStatistics().RequestedBytes);
            Assert.True(buddy.CheckIntegrity().IsIntact);
        }

        nint next = buddy.Allocate(64);
        *(long*)block = 42;
        nint moved = buddy.Reallocate(block, 8_000, new OwnerId(9));
        Assert.NotEqual(block, moved);
        Assert.Equal(42, *(long*)moved);
        buddy.FreeSized(moved, 8_000);
        buddy.Free(next);
        Assert.Throws<MemoryFaultException>(() => buddy.Reallocate(block, 10));
        Assert.True(buddy.AreasForTest[0].IsWhole());
    }

    [Fact]
    public void Extents_and_groups_add_up()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 16 * MiB, MinBlockBytes = 64 });
        nint last = 0;
        foreach (int size in new[] { 64, 100, 5000, 600_000, 64 })
        {
            last = buddy.Allocate((nuint)size, owner: new OwnerId(3));
        }

        buddy.Free(last);
        AllocatorStatistics statistics = buddy.GetStatistics();
        MemoryExtent[] extents = [.. buddy.EnumerateExtents()];
        Assert.Equal(statistics.CommittedBytes, extents.Sum(extent => extent.Bytes));
        Assert.All(buddy.EnumerateBlocks(), block => Assert.Contains(extents, extent => block.Address >= extent.Address && block.Address + (nint)block.UsableBytes <= extent.Address + (nint)extent.Bytes));
        Assert.All(buddy.EnumerateBlocks(), block => Assert.Equal(new OwnerId(3), block.Owner));
        Assert.Equal((4L, statistics.LiveBytes), (buddy.GetGroups().Sum(group => group.LiveBlocks), buddy.GetGroups().Sum(group => group.LiveBytes)));
        Assert.Contains(buddy.GetGroups(), group => group.Name == "8192 B" && group.LiveBlocks == 1);
    }

    [Fact]
    public void Threads_that_free_each_others_blocks_lose_none()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 32 * MiB, MinBlockBytes = 64, PageblockBytes = 64 * KiB, KeepIdleBytes = 256 * KiB, Budget = new MemoryBudget("shared", 24 * MiB) });
        AllocatorStress.Run(buddy, 300_000);
    }

    [Theory]
    [InlineData(1 << 20, 24, 0, 0)]
    [InlineData(1 << 20, 8, 0, 0)]
    [InlineData(0, 64, 0, 0)]
    [InlineData(-1, 64, 0, 0)]
    [InlineData(1L << 41, 64, 0, 0)]
    [InlineData(1 << 20, 64, 1000, 0)]
    [InlineData(1 << 20, 64, 1 << 20, 0)]
    [InlineData(1 << 20, 65536, 65536, 0)]
    [InlineData(1 << 20, 64, 0, 4096)]
    [InlineData(1 << 20, 64, 0, 3 << 20)]
    public void Options_that_make_no_sense_are_refused(long capacity, int least, long pageblock, long largest)
        => Assert.Throws<ArgumentException>(() => new BuddyAllocator(new BuddyOptions { CapacityBytes = capacity, MinBlockBytes = least, PageblockBytes = pageblock, MaxBlockBytes = largest }));
}

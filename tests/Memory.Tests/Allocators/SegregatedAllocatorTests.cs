using DimensionStore.Memory.Native;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What the specification's memory manager promises beyond the contract: recycling, splitting, merging, best fit, access by address, pressure.</summary>
public sealed class SegregatedAllocatorTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Capacity_is_a_gibibyte_by_default_and_costs_nothing_until_used()
    {
        using SegregatedAllocator allocator = new();
        Assert.Equal((1L << 30, 0L), (allocator.CapacityBytes, allocator.GetStatistics().CommittedBytes));
        allocator.Allocate(100);
        Assert.InRange(allocator.GetStatistics().CommittedBytes, 1, MiB);
        Assert.Equal(512 * MiB, SegregatedAllocator.WithCapacity(512 * MiB).CapacityBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(61L << 30)]
    public void Capacity_that_cannot_be_is_refused(long capacity) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SegregatedAllocator.WithCapacity(capacity));

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(1024)]
    [InlineData(4096)]
    [InlineData(65_536)]
    [InlineData(1_000_000)]
    public void Freed_address_is_handed_out_again_at_once(int size)
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(16 * MiB);
        nint before = allocator.Allocate((nuint)size);
        nint address = allocator.Allocate((nuint)size);
        nint behind = allocator.Allocate((nuint)size);
        allocator.Free(address);
        Assert.Equal(address, allocator.Allocate((nuint)size));
        Assert.True(before < address && address < behind);
    }

    [Fact]
    public void Free_block_of_4_KiB_serves_1_KiB_and_the_other_three_stay_free()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(16 * MiB);
        nint block = allocator.Allocate(4096);
        allocator.Allocate(4096);
        SegregatedUsage before = allocator.GetUsage();
        allocator.Free(block);
        Assert.Equal(block, allocator.Allocate(1024));
        SegregatedUsage after = allocator.GetUsage();
        Assert.Equal((before.FreeBlocks + 1, before.FreeBytes + 3072), (after.FreeBlocks, after.FreeBytes));
        Assert.Equal(block + 1024, allocator.Allocate(3072));
    }

    [Theory]
    [InlineData(0, 1, 2)]
    [InlineData(1, 0, 2)]
    [InlineData(2, 1, 0)]
    [InlineData(0, 2, 1)]
    public void Three_neighbours_that_are_freed_are_one_free_block_whatever_the_order(int first, int second, int third)
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(16 * MiB);
        nint[] blocks = [allocator.Allocate(1024), allocator.Allocate(1024), allocator.Allocate(1024)];
        allocator.Allocate(1024);
        long freeBlocks = allocator.GetUsage().FreeBlocks;
        allocator.Free(blocks[first]);
        allocator.Free(blocks[second]);
        allocator.Free(blocks[third]);
        Assert.Equal(freeBlocks + 1, allocator.GetUsage().FreeBlocks);
        Assert.Equal(blocks[0], allocator.Allocate(3072));
    }

    [Fact]
    public void Merging_is_seen_by_the_next_larger_request_without_anybody_looking()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(16 * MiB);
        nint[] blocks = [allocator.Allocate(1024), allocator.Allocate(1024), allocator.Allocate(1024)];
        allocator.Allocate(1024);
        foreach (nint block in blocks)
        {
            allocator.Free(block);
        }

        Assert.Equal(blocks[0], allocator.Allocate(3072));
    }

    [Fact]
    public void Request_that_must_not_grow_gets_what_many_waiting_blocks_make_together()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(16 * MiB);
        List<nint> blocks = [];
        for (int size = 16; allocator.TryAllocate((nuint)size, out nint block, options: blocks.Count == 0 ? AllocationOptions.None : AllocationOptions.NoGrow); size = size % 2_000 + 16)
        {
            blocks.Add(block);
        }

        // All of different sizes, so that none is merged because there are too many of it.
        foreach (nint block in blocks.TakeLast(50))
        {
            allocator.Free(block);
        }

        Assert.Equal(blocks[^50], allocator.Allocate((nuint)(blocks[^1] - blocks[^50]), options: AllocationOptions.NoGrow));
    }

    [Fact]
    public void Whatever_was_allocated_one_free_block_is_left_when_all_is_freed()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll(Arb.From(Gen.Choose(1, 100_000).ArrayOf()), Arb.From(Gen.Choose(0, int.MaxValue)), (sizes, seed) =>
        {
            using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(64 * MiB);
            nint[] blocks = [.. sizes.Select(size => allocator.Allocate((nuint)size))];
            new Random(seed).Shuffle(blocks);
            foreach (nint block in blocks)
            {
                allocator.Free(block);
            }

            SegregatedUsage usage = allocator.GetUsage();
            Assert.Equal(sizes.Length == 0 ? 0 : 1, usage.FreeBlocks);
            Assert.Equal((allocator.GetStatistics().CommittedBytes, 0d), (usage.LargestFreeBytes, usage.FragmentationRatio));
        }));

    [Fact]
    public void Large_requests_get_the_smallest_free_block_that_fits()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll(Arb.From(Gen.Choose(65, 400).NonEmptyListOf()), Arb.From(Gen.Choose(65, 400)), (kibibytes, wanted) =>
        {
            using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(256 * MiB);
            List<(nint Address, int Size)> holes = [];
            foreach (int size in kibibytes)
            {
                holes.Add((allocator.Allocate((nuint)size << 10), size));
                allocator.Allocate(16);
            }

            // What is left over behind the last block is live too, so that the holes are all there is.
            while (allocator.TryAllocate(65 << 10, out _, options: AllocationOptions.NoGrow))
            {
            }

            foreach ((nint address, _) in holes)
            {
                allocator.Free(address);
            }

            int best = holes.Where(hole => hole.Size >= wanted).Select(hole => hole.Size).DefaultIfEmpty(0).Min();
            bool found = allocator.TryAllocate((nuint)wanted << 10, out nint block, options: AllocationOptions.NoGrow);
            Assert.Equal(best > 0, found);
            Assert.True(!found || holes.Any(hole => hole.Address == block && hole.Size == best));
        }));

    [Fact]
    public void Twelve_small_and_fifteen_medium_buckets_are_shown_and_count_what_is_there()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(64 * MiB);
        nint small = allocator.Allocate(100);
        allocator.Allocate(16);
        allocator.Allocate(9000);
        allocator.Allocate(1 << 20);
        IReadOnlyList<AllocatorGroup> groups = allocator.GetGroups();
        Assert.Equal(12 + 15 + 1, groups.Count);
        Assert.Equal(["64 B", "128 B", "192 B", "256 B", "384 B", "512 B", "768 B", "1 KiB", "1536 B", "2 KiB", "3 KiB", "4 KiB", "8 KiB", "12 KiB"], groups.Take(14).Select(group => group.Name));
        Assert.Equal((1L, 112L), (groups[1].LiveBlocks, groups[1].LiveBytes));
        Assert.Equal((1, 1, 1), ((int)groups[0].LiveBlocks, (int)groups[13].LiveBlocks, (int)groups[27].LiveBlocks));
        allocator.Free(small);
        Assert.Equal((0L, 1L), (allocator.GetGroups()[1].LiveBlocks, allocator.GetGroups()[0].FreeBlocks));
        Assert.Equal(allocator.GetStatistics().LiveBytes, allocator.GetGroups().Sum(group => group.LiveBytes));
        Assert.Equal(allocator.GetUsage().FreeBlocks, allocator.GetGroups().Sum(group => group.FreeBlocks));
    }

    [Fact]
    public void Whole_capacity_can_be_used_and_is_found_again_after_trim_left_it_in_pieces()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(4 * MiB);
        nint all = allocator.Allocate((nuint)(4 * MiB));
        Assert.False(allocator.TryAllocate(1, out _));
        allocator.Free(all);
        nint[] blocks = [.. Enumerable.Range(0, 400).Select(_ => allocator.Allocate(10_000))];
        for (int i = 0; i < blocks.Length; i += 2)
        {
            allocator.Free(blocks[i]);
        }

        Assert.True(allocator.Trim() > MiB);
        for (int i = 1; i < blocks.Length; i += 2)
        {
            allocator.Free(blocks[i]);
        }

        Assert.Equal(all, allocator.Allocate((nuint)(4 * MiB)));
        Assert.True(allocator.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Use_after_free_and_overrun_cannot_damage_the_allocator()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(16 * MiB);
        nint[] blocks = [.. Enumerable.Range(1, 1_000).Select(size => allocator.Allocate((nuint)size * 7))];
        for (int i = 0; i < blocks.Length; i += 3)
        {
            allocator.Free(blocks[i]);
        }

        // Every byte that is committed, live, free or behind the end of a block.
        foreach (MemoryExtent extent in allocator.EnumerateExtents())
        {
            unsafe
            {
                new Span<byte>((void*)extent.Address, (int)extent.Bytes).Fill(0xAA);
            }
        }

        Assert.True(allocator.CheckIntegrity().IsIntact);
        for (int i = 0; i < blocks.Length; i++)
        {
            if (i % 3 != 0)
            {
                allocator.Free(blocks[i]);
            }
        }

        Assert.Equal(1, allocator.GetUsage().FreeBlocks);
    }

    [Fact]
    public unsafe void Integrity_check_sees_damaged_tables()
    {
        AssertSeen(tables => tables.Lines[0] ^= 1UL << 4, "blocks are live");
        AssertSeen(tables => tables.Lines[4] ^= 1, "no bucket");
        AssertSeen(tables => tables.Lines[0] |= 1UL << 6, "blocks are live");
        AssertSeen(tables => tables.Spans[2].ComesInFrom = 5, "predecessor");
        AssertSeen(tables => tables.SetCommitted(5, false), "committed");

        static void AssertSeen(Action<HeapTables> damage, string expected)
        {
            SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(MiB);
            allocator.Allocate(64);
            allocator.Allocate(128);
            allocator.Allocate(10_000);
            Assert.True(allocator.CheckIntegrity().IsIntact);
            allocator.ThrowIfCorrupt();
            damage(allocator.Heap.Tables);
            IntegrityReport report = allocator.CheckIntegrity();
            Assert.False(report.IsIntact);
            Assert.Contains(report.Violations, violation => violation.Contains(expected, StringComparison.Ordinal));
            Assert.Equal(MemoryFault.Corruption, Assert.Throws<MemoryFaultException>(allocator.ThrowIfCorrupt).Fault);
        }
    }

    [Fact]
    public void Memory_goes_back_after_a_peak()
    {
        using SegregatedAllocator allocator = new();
        nint[] blocks = [.. Enumerable.Range(0, 20_000).Select(i => allocator.Allocate((nuint)(100 + (i % 3000))))];
        for (int i = 0; i < blocks.Length; i++)
        {
            if (i % 1_000 != 0)
            {
                allocator.Free(blocks[i]);
            }
        }

        AllocatorStatistics before = allocator.GetStatistics();
        Assert.Equal(before.IdleBytes, allocator.Trim());
        AllocatorStatistics after = allocator.GetStatistics();
        Assert.Equal(0, after.IdleBytes);
        Assert.True(after.CommittedBytes <= 21 * 2 * VirtualMemory.PageSize, $"{after.CommittedBytes} bytes for 20 blocks");
    }

    [Fact]
    public void Threads_exchange_blocks() => AllocatorStress.Run(SegregatedAllocator.WithCapacity(64 * MiB), 100_000);

    [Fact]
    public void Reallocation_in_place_takes_what_follows_and_gives_back_what_is_left()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(16 * MiB);
        OwnerId owner = new(1);
        nint block = allocator.Allocate(1_000, owner: owner);
        Assert.Equal(block, allocator.Reallocate(block, 5_000, owner));
        Assert.Equal((nuint)5_008, allocator.UsableSize(block));
        Assert.Equal((5_008L, 1L), (allocator.GetOwnerUsage(owner).UsedBytes, allocator.GetOwnerUsage(owner).LiveBlocks));
        Assert.Equal(block, allocator.Reallocate(block, 20, owner));
        Assert.Equal((32L, 5_008L), (allocator.GetOwnerUsage(owner).UsedBytes, allocator.GetOwnerUsage(owner).PeakBytes));
        allocator.Allocate(16);
        nint moved = allocator.Reallocate(block, 100_000, owner);
        Assert.NotEqual(block, moved);
        Assert.Equal((100_000L, 1L), (allocator.GetOwnerUsage(owner).UsedBytes, allocator.GetOwnerUsage(owner).LiveBlocks));
    }
}

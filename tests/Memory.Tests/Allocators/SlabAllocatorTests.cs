using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed unsafe class SlabAllocatorTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void A_block_that_a_layer_resizes_in_place_is_freed_with_its_new_size()
    {
        using SlabAllocator slabs = new(1 << 20);
        PlainLayer layer = new(slabs);
        nint address = layer.Allocate(100);
        Assert.Equal(address, layer.Reallocate(address, 70));
        Assert.Equal(70, Assert.Single(slabs.EnumerateBlocks()).RequestedBytes);
        Assert.Throws<MemoryFaultException>(() => layer.FreeSized(address, 100));
        layer.FreeSized(address, 70);
    }

    [Fact]
    public void A_free_with_a_wrong_size_names_the_owner()
    {
        using SlabAllocator slabs = new(1 << 20);
        nint address = slabs.Allocate(100, owner: new OwnerId(7));
        MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => slabs.FreeSized(address, 10));
        Assert.Equal((MemoryFault.WrongSize, new OwnerId(7)), (fault.Fault, fault.Owner));
        slabs.FreeSized(address, 100);
    }

    [Fact]
    public void Sizes_are_rounded_up_by_at_most_an_eighth_and_every_slab_offset_finds_its_block()
    {
        for (int size = 1; size <= SizeClasses.MaxBytes; size++)
        {
            int block = SizeClasses.All[SizeClasses.Of((nuint)size)].BlockBytes;
            Assert.InRange(block, size, size <= 128 ? size + 15 : size + (size / 8));
        }

        foreach (SlabGeometry geometry in SizeClasses.All)
        {
            foreach (int units in new[] { geometry.SmallUnits, geometry.LargeUnits })
            {
                Assert.InRange(geometry.BlocksIn(units), 1, SlabGeometry.MaxBlocks);
                for (uint offset = 0; offset < units * SlabChunks.UnitBytes; offset++)
                {
                    ulong product = (ulong)offset * geometry.Reciprocal;
                    Assert.True((uint)(product >> 32) == offset / geometry.BlockBytes && ((uint)product < geometry.Reciprocal) == (offset % geometry.BlockBytes == 0));
                }
            }
        }
    }

    [Fact]
    public void Tables_in_the_image_say_what_the_geometries_do()
    {
        for (uint index = 0; index < SizeClasses.Count; index++)
        {
            Assert.Equal(SizeClasses.All[index].SlackShift, SizeClasses.SlackShift(index));
        }

        for (nuint size = 1; size <= SizeClasses.MaxBytes; size++)
        {
            uint index = SizeClasses.Of(size);
            Assert.True(SizeClasses.All[index].BlockBytes >= (int)size && (index == 0 || SizeClasses.All[index - 1].BlockBytes < (int)size));
        }

        Assert.Equal((SizeClasses.MaxBytes / 16) + 1, SizeClassTables.ClassOfSixteenths.Length);
        Assert.Equal(SizeClasses.Count, SizeClassTables.SlackShifts.Length);
    }

    [Fact]
    public void Live_states_tell_every_size_of_a_class_apart_and_saturate_below()
    {
        foreach (SlabGeometry geometry in SizeClasses.All)
        {
            uint block = (uint)geometry.BlockBytes;
            int shift = geometry.SlackShift;
            for (uint size = 1; size <= block; size++)
            {
                byte state = BlockState.LiveFor(size, block, shift);
                uint slack = Math.Min(BlockState.MostSlack, (block - size) >> shift);
                Assert.True(state >= BlockState.Live && BlockState.SlackOf(state, block, shift) == slack);
                Assert.True(SizeClasses.All[SizeClasses.Of(size)].BlockBytes != block || BlockState.LiveFor(size, shift) == state);
            }
        }
    }

    [Fact]
    public void Requested_size_is_exact_up_to_2_KiB_and_near_above()
    {
        using SlabAllocator slab = new(64 * MiB);
        long requested = 0;
        for (int size = 1; size <= 2048; size += 7)
        {
            slab.Allocate((nuint)size);
            requested += size;
        }

        Assert.Equal(requested, slab.GetStatistics().RequestedBytes);
        nint large = slab.Allocate(20_001);
        BlockInfo info = Assert.Single(slab.EnumerateBlocks(), block => block.Address == large);
        Assert.InRange(info.RequestedBytes, 20_001, 20_001 + 15);
    }

    [Theory]
    [InlineData(1, 64)]
    [InlineData(100, 256)]
    [InlineData(3000, 4096)]
    [InlineData(5000, 8192)]
    [InlineData(1, 16384)]
    public void Alignment_up_to_16_KiB_is_kept_beside_other_blocks(int size, int alignment)
    {
        using SlabAllocator slab = new(64 * MiB);
        for (int i = 0; i < 50; i++)
        {
            slab.Allocate((nuint)(16 + i));
            Assert.Equal(0, slab.Allocate((nuint)size, (nuint)alignment) % alignment);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => slab.Allocate(1, 32768));
    }

    [Fact]
    public unsafe void Bookkeeping_has_the_size_that_its_addresses_are_computed_with()
    {
        Assert.Equal((SlabBin.Bytes, 1 << SlabBin.Shift, BinSlabs.Bytes, Slab.HeaderBytes, SlabHeap.HeaderBytes), (sizeof(SlabBin), sizeof(SlabBin), sizeof(BinSlabs), sizeof(Slab), sizeof(SlabHeap)));

        // What a bin knows of its slabs is found by a distance of 16 bits.
        Assert.InRange(SlabHeap.Bytes, SlabHeap.HeaderBytes + (SizeClasses.Count * (SlabBin.Bytes + BinSlabs.Bytes)), ushort.MaxValue);
    }

    [Theory]
    [InlineData(16, 64)]
    [InlineData(1000, 64)]
    [InlineData(4000, 16)]
    [InlineData(32_000, 4)]
    public void Loop_that_needs_one_block_at_a_time_touches_few(int size, int most)
    {
        using SlabAllocator slab = new(64 * MiB);
        HashSet<nint> touched = [];
        for (int i = 0; i < 1_000; i++)
        {
            nint block = slab.Allocate((nuint)size);
            touched.Add(block);
            slab.Free(block);
        }

        Assert.InRange(touched.Count, 1, most);
        Assert.True(slab.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Too_large_a_request_names_the_largest_block()
    {
        using SlabAllocator slab = new(64 * MiB);
        AllocationFailedException refused = Assert.Throws<AllocationFailedException>(() => slab.Allocate(32_769, owner: new OwnerId(7)));
        Assert.Contains("32,768", refused.Message, StringComparison.Ordinal);
        Assert.Equal((32_769L, new OwnerId(7)), (refused.RequestedBytes, refused.Owner));
    }

    [Fact]
    public void Limit_is_never_exceeded_and_trimmed_slabs_serve_other_sizes()
    {
        MemoryBudget budget = new("shared", 2 * MiB);
        using SlabAllocator slab = new(MiB, budget);
        List<nint> blocks = [];
        while (slab.TryAllocate(64, out nint address))
        {
            blocks.Add(address);
        }

        Assert.Equal(MiB / 64, blocks.Count);
        Assert.Equal(MiB, Assert.Throws<LimitExceededException>(() => slab.Allocate(16_000)).LimitBytes);
        blocks.ForEach(slab.Free);
        slab.Allocate(16_000);
        Assert.True(budget.UsedBytes <= MiB);
        Assert.Equal(budget.UsedBytes, slab.GetStatistics().CommittedBytes);
        Assert.True(slab.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Double_free_is_named_with_its_owner_also_after_trim_and_reset()
    {
        using SlabAllocator slab = new(64 * MiB);
        nint address = slab.Allocate(1234, owner: new OwnerId(42));
        slab.Free(address);
        Assert.Equal((MemoryFault.DoubleFree, new OwnerId(42)), Fault(() => slab.Free(address)));
        slab.Trim();
        Assert.Equal(0, slab.GetStatistics().CommittedBytes);
        Assert.Equal(MemoryFault.DoubleFree, Fault(() => slab.Free(address)).Kind);
        Assert.Equal(address, slab.Allocate(1234));
        slab.Reset();
        Assert.Equal(MemoryFault.DoubleFree, Fault(() => slab.Free(address)).Kind);
        nint next = slab.Allocate(1234);
        Assert.Equal(MemoryFault.NotABlockStart, Fault(() => slab.Free(next + (nint)slab.UsableSize(next))).Kind);
        Assert.Equal(MemoryFault.NotABlockStart, Fault(() => slab.Free(next + (nint)(40 * MiB))).Kind);

        static (MemoryFault Kind, OwnerId Owner) Fault(Action action)
        {
            MemoryFaultException fault = Assert.Throws<MemoryFaultException>(action);
            return (fault.Fault, fault.Owner);
        }
    }

    [Fact]
    public void Injected_faults_of_each_kind_are_all_found_and_none_is_invented()
    {
        const int Each = 25_000;
        using SlabAllocator slab = new(280 * MiB);
        Random random = new(1);
        int[] found = new int[4];
        for (int i = 0; i < Each; i++)
        {
            nuint size = (nuint)(1 + random.Next(2_000));
            nint address = slab.Allocate(size);
            nuint usable = slab.UsableSize(address);
            found[0] += Finds(MemoryFault.NotABlockStart, () => slab.Free(address + 1 + random.Next((int)usable - 1)));
            found[1] += Finds(MemoryFault.WrongSize, () => slab.FreeSized(address, size + 1 + (nuint)random.Next(100)));
            found[2] += Finds(MemoryFault.ForeignFree, () => slab.Free((nint)random.NextInt64()));
            slab.FreeSized(address, size);
            found[3] += Finds(MemoryFault.DoubleFree, () => slab.Free(address));
        }

        Assert.Equal([Each, Each, Each, Each], found);
        Assert.Equal((Each, 0L), ((int)slab.GetStatistics().FreeCount, slab.GetStatistics().LiveBlocks));

        static int Finds(MemoryFault kind, Action fault) => Assert.Throws<MemoryFaultException>(fault).Fault == kind ? 1 : 0;
    }

    [Fact]
    public void Integrity_check_sees_each_kind_of_damage()
    {
        // Not in the group that is allocated from, where the states alone say what is free.
        Damaged("is not the", slab => *State(slab, 1) = BlockState.Free, blocks: 400);
        Damaged("does not exist", slab => *State(slab, 1) = 77);
        Damaged("counted as used", slab => slab->Used++);
        Damaged("its group is not marked", slab => slab->GroupMask = 0);
        Damaged("claims to be", slab => slab->FirstUnit++);
        Damaged("should be", slab => slab->Place = SlabPlace.Retiring);

        static byte* State(Slab* slab, int block) => Slab.States(slab) + block;

        static void Damaged(string expected, DamageSlab damage, int blocks = 20)
        {
            using SlabAllocator allocator = new(64 * MiB);
            nint first = allocator.Allocate(100);
            for (int i = 0; i < blocks; i++)
            {
                allocator.Allocate(100);
            }

            Assert.True(allocator.CheckIntegrity().IsIntact);
            damage(allocator.Engine.SlabOf(first));
            Assert.Contains(allocator.CheckIntegrity().Violations, violation => violation.Contains(expected, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Commit_refused_by_the_system_is_a_failed_allocation_with_its_cause()
    {
        MemoryBudget budget = new("shared", 4 * MiB);
        using SlabAllocator slab = new(4 * MiB, budget);
        for (int n = 1; n <= 2; n++)
        {
            NativeFaults.FailNthCommit = n;
            AllocationFailedException refused = Assert.Throws<AllocationFailedException>(() => slab.Allocate(1));
            Assert.IsType<VirtualMemoryException>(refused.InnerException);
            Assert.Equal(budget.UsedBytes, slab.GetStatistics().CommittedBytes);
            Assert.True(slab.CheckIntegrity().IsIntact);
            slab.Trim();
        }

        slab.Allocate(1);
    }

    [Fact]
    public void Allocators_used_in_turn_by_one_thread_keep_apart()
    {
        using SlabAllocator one = new(64 * MiB);
        using SlabAllocator other = new(64 * MiB);
        for (int i = 0; i < 100; i++)
        {
            nint a = one.Allocate(50);
            nint b = other.Allocate(50);
            Assert.Equal(MemoryFault.ForeignFree, Assert.Throws<MemoryFaultException>(() => other.Free(a)).Fault);
            Assert.Equal((true, false), (one.Owns(a), other.Owns(a)));
            one.Free(a);
            other.Free(b);
        }

        Assert.Equal((0L, 0L), (one.GetStatistics().LiveBlocks, other.GetStatistics().LiveBlocks));
    }

    private delegate void DamageSlab(Slab* slab);

    private sealed class PlainLayer(MemoryAllocator inner) : AllocatorLayer(inner);
}

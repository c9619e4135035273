namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>A double free names the block that was there: its size and its owner.</summary>
public sealed class DoubleFreeTests
{
    public static TheoryData<string, int> Sizes()
    {
        var rows = new TheoryData<string, int>();
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            foreach (int size in new[] { 64, 3000, 20_000, 100_000, 2 << 20 })
            {
                // The pools have sizes of their own.
                if (!(kind.Name is "pool" && size > 64 << 10))
                {
                    rows.Add(kind.Name, size);
                }
            }
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Names_size_and_owner_of_the_last_life(string name, int size)
    {
        using MemoryAllocator allocator = AllocatorCatalog.Create(name, new AllocatorSettings { CapacityBytes = 64 << 20 });
        OwnerId[] owners = [new(7), OwnerId.None, new(9), new(-1)];
        nint[] blocks = [.. owners.Select(owner => allocator.Allocate((nuint)size, owner: owner))];

        // In this order each is beside one that is free already, or between two.
        foreach (int i in new[] { 1, 3, 2, 0 })
        {
            allocator.Free(blocks[i]);
            AssertNamed(allocator, blocks[i], size, owners[i]);
        }

        for (int i = 0; i < owners.Length; i++)
        {
            AssertNamed(allocator, blocks[i], size, owners[i]);
        }

        // Another life at the same place: of nobody, after somebody's.
        nint again = allocator.Allocate((nuint)size);
        allocator.Free(again);
        AssertNamed(allocator, again, size, OwnerId.None);
        Assert.Empty(allocator.CheckIntegrity().Violations);
    }

    [Fact]
    public void Names_the_owner_of_a_block_of_the_tree_that_went_back_to_the_system()
    {
        using TreeZoneAllocator tree = new();
        nint block = tree.Allocate(100_000, owner: new OwnerId(7));
        tree.Free(block);
        Assert.True(tree.Trim() > 0);
        AssertNamed(tree, block, 100_000, new OwnerId(7));
        tree.Reset();
        Assert.Equal((0L, OwnerId.None), Fault(tree, block));
    }

    [Fact]
    public void Names_the_owner_of_a_movable_block_where_it_was_before()
    {
        using TreeZoneAllocator tree = new();
        nint first = tree.AllocateAt(4096, 7, owner: new OwnerId(3));
        MovableHandle handle = tree.AllocateMovable(4096, 7, owner: new OwnerId(7));
        nint before;
        using (MovablePin pin = tree.Pin(handle))
        {
            before = pin.Address;
        }

        tree.Free(first);
        tree.Defragment();
        AssertNamed(tree, before, 4096, new OwnerId(7));
        tree.Free(handle);
        AssertNamed(tree, first, 4096, new OwnerId(7));
    }

    [Fact]
    public void Names_the_owner_of_blocks_of_the_segregated_heap_whoever_freed_them()
    {
        using SegregatedAllocator heap = SegregatedAllocator.WithCapacity(64 << 20);
        OwnerId owner = new(7);
        nint freedWithAll = heap.Allocate(20_000, owner: owner);
        heap.FreeOwner(owner);
        AssertNamed(heap, freedWithAll, 20_000, owner);

        OwnerId ended = new(8);
        nint collected = heap.Allocate(40_000, owner: ended);
        heap.EndOwner(ended);
        heap.Collect();
        AssertNamed(heap, collected, 40_000, ended);

        OwnerId mover = new(9);
        nint from = heap.Allocate(20_000, owner: mover);
        heap.SetOwnerLimit(mover, 90_000);
        nint beside = heap.Allocate(16);
        nint to = heap.Reallocate(from, 80_000);
        Assert.NotEqual(from, to);
        AssertNamed(heap, from, 20_000, mover);
        heap.Free(beside);
        heap.Reset();
        Assert.Equal((0L, OwnerId.None), Fault(heap, to));
    }

    private static void AssertNamed(MemoryAllocator allocator, nint block, long size, OwnerId owner)
    {
        MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => allocator.Free(block));
        Assert.Equal((MemoryFault.DoubleFree, block, owner), (fault.Fault, fault.Address, fault.Owner));
        Assert.InRange(fault.SizeBytes, size, 2 * Math.Max(size, 4096));
    }

    private static (long Size, OwnerId Owner) Fault(MemoryAllocator allocator, nint block)
    {
        MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => allocator.Free(block));
        return (fault.SizeBytes, fault.Owner);
    }
}

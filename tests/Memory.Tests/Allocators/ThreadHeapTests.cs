namespace DimensionStore.Memory.Tests.Allocators;

public sealed unsafe class ThreadHeapTests
{
    [Fact]
    public void Blocks_of_a_thread_heap_and_of_its_allocator_are_the_same()
    {
        using GeneralAllocator general = new();
        ThreadHeap heap = general.ForThisThread();
        Assert.Same(general, heap.Allocator);
        nint[] blocks = [heap.Allocate(100), general.Allocate(100), heap.AllocateZeroed(40_000), heap.Allocate(1 << 20)];
        Assert.All(blocks, block => Assert.True(general.Owns(block)));
        Assert.Equal(4, general.GetStatistics().LiveBlocks);
        general.Free(blocks[0]);
        heap.Free(blocks[1]);
        heap.Free(blocks[2]);
        heap.Free(blocks[3]);
        AllocatorStatistics statistics = general.GetStatistics();
        Assert.Equal((4L, 4L, 0L, 0L), (statistics.AllocationCount, statistics.FreeCount, statistics.LiveBlocks, statistics.LiveBytes));
        Assert.True(general.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Misuse_is_named_as_by_the_allocator()
    {
        using SlabAllocator slab = new(1 << 24);
        nint block = slab.ForThisThread().Allocate(48);
        Assert.Equal(MemoryFault.NotABlockStart, Assert.Throws<MemoryFaultException>(() => slab.ForThisThread().Free(block + 16)).Fault);
        slab.ForThisThread().Free(block);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => slab.ForThisThread().Free(block)).Fault);
        Assert.Equal(MemoryFault.ForeignFree, Assert.Throws<MemoryFaultException>(() => slab.ForThisThread().Free(64)).Fault);
        Assert.Throws<ArgumentOutOfRangeException>(() => slab.ForThisThread().Allocate(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => slab.ForThisThread().AllocateZeroed(0));
        Assert.Throws<MemoryFaultException>(() => slab.ForThisThread().Reallocate(block, 50));
        Assert.True(slab.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void A_heap_that_was_taken_before_the_allocator_was_disposed_throws()
    {
        SlabAllocator slab = new(1 << 24);
        ThreadHeap heap = slab.ForThisThread();
        nint block = heap.Allocate(48);
        slab.Dispose();

        // This thread's heap is in use again, for another allocator.
        using SlabAllocator next = new(1 << 24);
        nint other = next.Allocate(48);
        int disposed = 0;
        try
        {
            heap.Allocate(48);
        }
        catch (ObjectDisposedException)
        {
            disposed++;
        }

        try
        {
            heap.AllocateZeroed(48);
        }
        catch (ObjectDisposedException)
        {
            disposed++;
        }

        try
        {
            heap.Reallocate(block, 500);
        }
        catch (ObjectDisposedException)
        {
            disposed++;
        }

        try
        {
            heap.Free(block);
        }
        catch (ObjectDisposedException)
        {
            disposed++;
        }

        Assert.Equal(4, disposed);
        Assert.Equal(1, next.GetStatistics().LiveBlocks);
        next.Free(other);
        Assert.Throws<ObjectDisposedException>(() => slab.ForThisThread().Allocate(1));
    }

    [Fact]
    public void The_default_value_belongs_to_no_allocator_and_is_refused()
    {
        Assert.Throws<NullReferenceException>(() => default(ThreadHeap).Allocate(16));
        Assert.Throws<NullReferenceException>(() => default(ThreadHeap).AllocateZeroed(16));
        Assert.Throws<NullReferenceException>(() => default(ThreadHeap).Reallocate(16, 16));
        Assert.Throws<NullReferenceException>(() => default(ThreadHeap).Free(16));
    }

    [Fact]
    public void What_was_freed_is_given_out_again_and_counted_once()
    {
        using SlabAllocator slab = new(1 << 24);
        ThreadHeap heap = slab.ForThisThread();
        HashSet<nint> seen = [];
        for (int i = 0; i < 10_000; i++)
        {
            nint block = heap.Allocate(64);
            seen.Add(block);
            heap.Free(block);
            if (i % 1000 == 7)
            {
                AllocatorStatistics statistics = slab.GetStatistics();
                Assert.Equal((i + 1L, i + 1L, 0L), (statistics.AllocationCount, statistics.FreeCount, statistics.LiveBlocks));
                Assert.True(slab.CheckIntegrity().IsIntact);
            }
        }

        Assert.InRange(seen.Count, 1, 64);
        slab.Trim();
        Assert.Equal(0, slab.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Trim_takes_what_was_put_back_and_leaves_what_is_live()
    {
        using SlabAllocator slab = new(1 << 24);
        ThreadHeap heap = slab.ForThisThread();
        nint[] blocks = new nint[64];
        for (int round = 0; round < 100; round++)
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                blocks[i] = heap.Allocate(200);
                *(long*)blocks[i] = i;
            }

            for (int i = round % 2; i < blocks.Length; i += 2)
            {
                heap.Free(blocks[i]);
            }

            slab.Trim();
            Assert.True(slab.CheckIntegrity().IsIntact);
            for (int i = 1 - (round % 2); i < blocks.Length; i += 2)
            {
                Assert.Equal(i, *(long*)blocks[i]);
                heap.Free(blocks[i]);
            }
        }

        slab.Trim();
        AllocatorStatistics statistics = slab.GetStatistics();
        Assert.Equal((6400L, 6400L, 0L), (statistics.AllocationCount, statistics.FreeCount, statistics.CommittedBytes));
    }

    [Fact]
    public void Threads_that_exchange_blocks_by_their_heaps_lose_and_invent_nothing()
    {
        using GeneralAllocator general = new(64 << 20, new MemoryBudget("test", 48 << 20));
        AllocatorStress.Run(new ThreadHeapLayer(general), 60_000);
        Assert.True(general.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Nothing_is_allocated_on_the_managed_heap()
    {
        using SlabAllocator slab = new(1 << 24);
        ThreadHeap heap = slab.ForThisThread();
        heap.Free(heap.Reallocate(heap.AllocateZeroed(100), 300));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            heap.Free(heap.Reallocate(heap.AllocateZeroed(100), 300));
            heap.Free(heap.Allocate((nuint)(1 + (i % 3000))));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Blocks that were freed without the heap's lock and are on their way to it: what they are for others meanwhile, and what becomes of them.</summary>
public sealed class SegregatedElsewhereTests
{
    private const long MiB = 1 << 20;
    private const int Kept = 100;

    [Fact]
    public void A_block_that_is_on_its_way_is_free_for_everybody()
    {
        using SegregatedAllocator allocator = SharedHeap.Create(8 * MiB);
        nint block = allocator.Allocate(100);
        long freed = allocator.GetStatistics().FreeCount;
        Keep(allocator);
        ThreadGroup.Run(1, _ =>
        {
            allocator.Free(block);
            Assert.True(allocator.Heap.HasFreedElsewhere, "The block was not left to the other thread.");
            Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => allocator.Free(block)).Fault);
        });
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => allocator.Free(block)).Fault);
        Assert.False(allocator.Owns(block));
        Assert.Throws<MemoryFaultException>(() => allocator.UsableSize(block));
        Assert.Equal((freed + 1, 0L), (allocator.GetStatistics().FreeCount - Kept, allocator.GetStatistics().LiveBlocks));
    }

    [Fact]
    public void A_wrong_size_and_an_address_inside_a_block_are_refused_without_the_lock_too()
    {
        using SegregatedAllocator allocator = SharedHeap.Create(8 * MiB);
        nint block = allocator.Allocate(1000);
        ThreadGroup.Run(1, _ =>
        {
            Keep(allocator, onOtherThread: true);
            Assert.Equal(MemoryFault.WrongSize, Assert.Throws<MemoryFaultException>(() => allocator.FreeSized(block, 900)).Fault);
            Assert.Equal(MemoryFault.NotABlockStart, Assert.Throws<MemoryFaultException>(() => allocator.Free(block + 16)).Fault);
            Assert.Equal(MemoryFault.ForeignFree, Assert.Throws<MemoryFaultException>(() => allocator.Free(16)).Fault);
            allocator.FreeSized(block, 1000);
        });
        Assert.Equal(0, allocator.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void More_blocks_than_have_a_place_come_back_and_are_used_again()
    {
        using SegregatedAllocator allocator = SharedHeap.Create(64 * MiB);
        nint[] blocks = new nint[(3 * FreedElsewhere.Places) + 17];
        for (int round = 0; round < 20; round++)
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                blocks[i] = allocator.Allocate(100);
            }

            ThreadGroup.Run(1, _ => Array.ForEach(blocks, allocator.Free));
            Assert.Equal(0, allocator.GetStatistics().LiveBlocks);
        }

        Assert.InRange(allocator.GetStatistics().PeakCommittedBytes, 1, 2 * MiB);
        Assert.Empty(allocator.CheckIntegrity().Violations);
    }

    [Fact]
    public void What_waits_on_its_way_serves_a_request_that_may_not_grow()
    {
        using SegregatedAllocator allocator = SharedHeap.Create(MiB);
        List<nint> blocks = [];
        while (allocator.TryAllocate(4000, out nint address))
        {
            blocks.Add(address);
        }

        ThreadGroup.Run(1, _ => blocks.ForEach(allocator.Free));
        nint whole = allocator.Allocate((nuint)(allocator.CapacityBytes - (64 << 10)), options: AllocationOptions.NoGrow);
        allocator.Free(whole);
        Assert.Equal(0, allocator.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Reset_and_pressure_count_what_was_freed_without_the_lock()
    {
        using SegregatedAllocator allocator = SharedHeap.Create(MiB);
        nint[] blocks = [.. Enumerable.Range(0, 200).Select(_ => allocator.Allocate(4000))];
        double full = allocator.UsagePercent;
        ThreadGroup.Run(1, _ => Array.ForEach(blocks, allocator.Free));
        Assert.True(full > 70);
        Assert.Equal(0, allocator.UsagePercent);
        Assert.Equal(PressureLevel.Normal, allocator.Pressure);

        blocks = [.. Enumerable.Range(0, 200).Select(_ => allocator.Allocate(4000))];
        ThreadGroup.Run(1, _ => Array.ForEach(blocks[..100], allocator.Free));
        allocator.Reset();
        AllocatorStatistics statistics = allocator.GetStatistics();
        Assert.Equal((statistics.AllocationCount, 0L), (statistics.FreeCount, statistics.LiveBlocks));
        Assert.Empty(allocator.CheckIntegrity().Violations);
        nint again = allocator.Allocate(4000);
        allocator.Free(again);
    }

    [Fact]
    public void Dispose_beside_frees_without_the_lock_ends_in_typed_errors_only()
    {
        for (int round = 0; round < 30; round++)
        {
            SegregatedAllocator allocator = SharedHeap.Create(16 * MiB);
            nint[] blocks = [.. Enumerable.Range(0, 6_000).Select(_ => allocator.Allocate(64))];
            int freed = 0;
            int atDispose = 0;
            using Barrier barrier = new(4);
            ThreadGroup.Run(4, thread =>
            {
                barrier.SignalAndWait();
                if (thread == 3)
                {
                    SpinWait.SpinUntil(() => Volatile.Read(ref freed) > 1_000);
                    allocator.Dispose();
                    atDispose = Volatile.Read(ref freed);
                    return;
                }

                try
                {
                    for (int i = thread; i < blocks.Length; i += 3)
                    {
                        allocator.Free(blocks[i]);
                        Interlocked.Increment(ref freed);
                    }
                }
                catch (ObjectDisposedException)
                {
                    // What the test is about: this error and no other.
                }
            });

            AllocatorStatistics last = allocator.GetStatistics();
            Assert.InRange(atDispose, 1_000, freed);
            Assert.Equal(blocks.Length - freed, last.LeakedBlocks);
            Assert.False(allocator.Owns(blocks[0]));
        }
    }

    [Fact]
    public void Dispose_waits_for_a_free_that_is_under_way()
    {
        SegregatedAllocator allocator = SharedHeap.Create(8 * MiB);
        bool disposed = false;
        int inside = 0;
        ThreadGroup.Run(2, thread =>
        {
            if (thread == 0)
            {
                SpinWait.SpinUntil(() => Volatile.Read(ref inside) == 1);
                allocator.Dispose();
                Volatile.Write(ref disposed, true);
                return;
            }

            // What a free without the lock does before it looks at the tables.
            using (ReaderRegistry.Enter())
            {
                Volatile.Write(ref inside, 1);
                SpinWait.SpinUntil(() => allocator.Heap.IsClosed);
                for (int i = 0; i < 2_000; i++)
                {
                    Thread.Yield();
                }

                Assert.False(Volatile.Read(ref disposed));
                Assert.False(allocator.Heap.Elsewhere!.HasAny);
            }
        });
        Assert.True(disposed);
    }

    [Fact]
    public void A_mark_where_no_live_block_starts_is_found()
    {
        using SegregatedAllocator allocator = SharedHeap.Create(8 * MiB);
        Assert.Empty(allocator.CheckIntegrity().Violations);
        nint block = allocator.Allocate(100);
        Assert.True(allocator.Heap.Elsewhere!.TryMark(allocator.Heap.GranuleAt(block) + 1));
        Assert.Single(allocator.CheckIntegrity().Violations);
        allocator.Heap.Elsewhere.Unmark(allocator.Heap.GranuleAt(block) + 1);
        Assert.Empty(allocator.CheckIntegrity().Violations);
        allocator.Free(block);
    }

    /// <summary>Takes the lock so often that it is this thread's.</summary>
    private static void Keep(SegregatedAllocator allocator, bool onOtherThread = false)
    {
        if (onOtherThread)
        {
            ThreadGroup.Run(1, _ => Keep(allocator));
            return;
        }

        for (int i = 0; i < Kept; i++)
        {
            allocator.Free(allocator.Allocate(8000));
        }
    }
}

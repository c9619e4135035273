namespace DimensionStore.Memory.Tests.Allocators;

public sealed class SlabAllocatorThreadTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Threads_that_exchange_blocks_lose_and_invent_nothing()
    {
        using SlabAllocator slab = new(64 * MiB, new MemoryBudget("test", 32 * MiB));
        AllocatorStress.Run(slab, 30_000);
        Assert.True(slab.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Threads_that_exchange_blocks_at_the_limit_lose_and_invent_nothing()
    {
        using SlabAllocator slab = new(4 * MiB, new MemoryBudget("test", 3 * MiB));
        ThreadStress stress = new(slab, 16_000);
        stress.Run(5, 20_000);
        Assert.True(stress.HandedOver > 0);
        AllocatorStatistics statistics = slab.GetStatistics();
        Assert.Equal((stress.Allocated, stress.Allocated, 0L, 0L), (statistics.AllocationCount, statistics.FreeCount, statistics.LiveBlocks, statistics.LiveBytes));
        Assert.Equal(stress.Failed, statistics.FailedAllocationCount);
        Assert.True(slab.CheckIntegrity().IsIntact);
        slab.Trim();
        Assert.Equal(0, slab.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Addresses_may_be_asked_about_while_their_slabs_come_and_go()
    {
        using SlabAllocator slab = new(64 * MiB);
        const int Rounds = 20_000;
        nint[] seen = new nint[64];
        bool done = false;
        ThreadGroup.Run(2, thread =>
        {
            if (thread == 0)
            {
                // As many as slabs go back together, so that every round makes slabs and forgets them.
                nint[] blocks = new nint[seen.Length];
                for (int round = 0; round < Rounds; round++)
                {
                    for (int i = 0; i < blocks.Length; i++)
                    {
                        blocks[i] = slab.Allocate(16 << 10);
                        Volatile.Write(ref seen[i], blocks[i]);
                    }

                    Array.ForEach(blocks, slab.Free);
                }

                Volatile.Write(ref done, true);
                return;
            }

            while (!Volatile.Read(ref done))
            {
                for (int i = 0; i < seen.Length; i++)
                {
                    slab.Owns(Volatile.Read(ref seen[i]));
                }
            }
        });
        Assert.Equal(0, slab.GetStatistics().LiveBlocks);
        Assert.True(slab.CheckIntegrity().IsIntact);
        slab.Trim();
        Assert.Equal(0, slab.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Blocks_that_another_thread_freed_come_back_to_their_owner()
    {
        using SlabAllocator slab = new(64 * MiB);
        nint[] blocks = new nint[10_000];
        for (int round = 0; round < 5; round++)
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                blocks[i] = slab.Allocate(100);
            }

            ThreadGroup.Run(1, _ => Array.ForEach(blocks, slab.Free));
            Assert.Equal(0, slab.GetStatistics().LiveBlocks);
        }

        Assert.InRange(slab.GetStatistics().PeakCommittedBytes, 1, 2 * MiB);
        Assert.True(slab.CheckIntegrity().IsIntact);
        slab.Trim();
        Assert.Equal(0, slab.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Heaps_and_counts_of_ended_threads_are_kept_and_taken_over()
    {
        using SlabAllocator slab = new(64 * MiB);
        for (int round = 0; round < 3; round++)
        {
            ThreadGroup.Run(5, _ =>
            {
                for (int i = 0; i < 1_000; i++)
                {
                    slab.Free(slab.Allocate(10));
                }
            });
        }

        AllocatorStatistics statistics = slab.GetStatistics();
        Assert.Equal((15_000L, 15_000L), (statistics.AllocationCount, statistics.FreeCount));
        Assert.InRange(statistics.CommittedBytes, 1, 4 * MiB);
    }

    [Fact]
    public void Trim_and_checks_beside_working_threads_find_everything_in_order()
    {
        using SlabAllocator slab = new(64 * MiB);
        int running = 3;
        ThreadGroup.Run(4, thread =>
        {
            if (thread == 0)
            {
                while (Volatile.Read(ref running) > 0)
                {
                    slab.Trim();
                    Assert.Empty(slab.CheckIntegrity().Violations);
                    AllocatorStatistics now = slab.GetStatistics();
                    Assert.True(now.LiveBytes <= now.CommittedBytes);
                }

                return;
            }

            nint[] blocks = new nint[64];
            for (int i = 0; i < 100_000; i++)
            {
                ref nint block = ref blocks[(i * 7) & 63];
                if (block != 0)
                {
                    slab.Free(block);
                }

                block = slab.Allocate((nuint)(16 + (i % 500)));
            }

            Array.ForEach(blocks, block => slab.Free(block));
            Interlocked.Decrement(ref running);
        });
        Assert.Equal(0, slab.GetStatistics().LiveBlocks);
    }
}

using System.Collections.Concurrent;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed unsafe class PoolAllocatorThreadTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public unsafe void Reset_waits_for_a_block_that_is_being_zeroed()
    {
        const int Bytes = 32 << 20;
        using PoolAllocator pool = new([new PoolConfig(Bytes, Bytes)], Bytes);
        int spoilt = 0;
        for (int round = 0; round < 40; round++)
        {
            new Span<byte>((void*)pool.Allocate(Bytes), Bytes).Fill(1);
            pool.Reset();
            Thread other = new(() => pool.Allocate(Bytes, options: AllocationOptions.Zeroed));
            other.Start();
            while (pool.GetStatistics().LiveBlocks == 0)
            {
                Thread.SpinWait(10);
            }

            // What the other writes zeros to is free after this, and mine next. Not the last byte is looked at, which the C library writes first.
            pool.Reset();
            byte* late = (byte*)pool.Allocate(Bytes) + (Bytes / 8 * 7);
            *late = 0xAB;
            other.Join();
            spoilt += Volatile.Read(ref *late) != 0xAB ? 1 : 0;
            pool.Reset();
        }

        Assert.Equal(0, spoilt);
    }

    [Fact]
    public void Threads_that_allocate_and_free_each_others_blocks_lose_and_invent_nothing()
    {
        using PoolAllocator pool = new([new PoolConfig(64, 64 << 10), new PoolConfig(256, 256 << 10), new PoolConfig(4096, 2 * MiB)], MiB, new MemoryBudget("test", 900 << 10));
        ConcurrentQueue<(nint Address, long Canary)> exchanged = new();
        long allocated = 0;
        long freed = 0;
        RunThreads(6, thread =>
        {
            Random random = new(thread);
            List<(nint Address, long Canary)> own = [];
            long allocations = 0;
            long frees = 0;
            for (int i = 0; i < 30_000; i++)
            {
                if (random.Next(100) < 52)
                {
                    nuint size = (nuint)(8 + random.Next(random.Next(4) == 0 ? 4000 : 200));
                    if (pool.TryAllocate(size, out nint address, owner: new OwnerId(thread)))
                    {
                        allocations++;
                        long canary = random.NextInt64();
                        *(long*)address = canary;
                        if (random.Next(3) == 0)
                        {
                            exchanged.Enqueue((address, canary));
                        }
                        else
                        {
                            own.Add((address, canary));
                        }
                    }
                }
                else if (random.Next(2) == 0 && exchanged.TryDequeue(out (nint, long) foreign))
                {
                    Return(foreign);
                    frees++;
                }
                else if (own.Count > 0)
                {
                    int pick = random.Next(own.Count);
                    Return(own[pick]);
                    own[pick] = own[^1];
                    own.RemoveAt(own.Count - 1);
                    frees++;
                }

                if (thread == 0 && i % 2_000 == 0)
                {
                    pool.Trim();
                    IntegrityReport report = pool.CheckIntegrity();
                    Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));
                }
            }

            foreach ((nint, long) block in own)
            {
                Return(block);
                frees++;
            }

            Interlocked.Add(ref allocated, allocations);
            Interlocked.Add(ref freed, frees);
        });

        foreach ((nint, long) block in exchanged)
        {
            Return(block);
            freed++;
        }

        AllocatorStatistics statistics = pool.GetStatistics();
        Assert.Equal((allocated, freed, 0L, 0L), (statistics.AllocationCount, statistics.FreeCount, statistics.LiveBlocks, statistics.LiveBytes));
        Assert.Empty(pool.EnumerateBlocks());
        Assert.True(pool.CheckIntegrity().IsIntact);
        pool.Trim();
        Assert.Equal(0, pool.GetStatistics().CommittedBytes);

        void Return((nint Address, long Canary) block)
        {
            Assert.Equal(block.Canary, *(long*)block.Address);
            pool.Free(block.Address);
        }
    }

    [Fact]
    public void Injected_faults_of_each_kind_are_all_found_and_none_is_invented()
    {
        const int Each = 25_000;
        using PoolAllocator pool = new(PoolConfig.Default, 280 * MiB);
        Random random = new(1);
        int[] found = new int[4];
        int invented = 0;
        for (int i = 0; i < Each; i++)
        {
            nuint size = (nuint)(1 + random.Next(5_000));
            nint address = pool.Allocate(size);
            found[0] += IsFound(MemoryFault.NotABlockStart, () => pool.Free(address + 1 + random.Next((int)size)));
            found[1] += IsFound(MemoryFault.WrongSize, () => pool.FreeSized(address, size + 1 + (nuint)random.Next(100)));
            found[2] += IsFound(MemoryFault.ForeignFree, () => pool.Free((nint)random.NextInt64()));

            // The control: the same calls without a fault.
            try
            {
                pool.FreeSized(address, size);
            }
            catch (MemoryFaultException)
            {
                invented++;
            }

            found[3] += IsFound(MemoryFault.DoubleFree, () => pool.Free(address));
        }

        Assert.Equal([Each, Each, Each, Each], found);
        Assert.Equal(0, invented);
        Assert.Equal((Each, 0L), ((int)pool.GetStatistics().FreeCount, pool.GetStatistics().LiveBlocks));

        static int IsFound(MemoryFault kind, Action fault)
        {
            try
            {
                fault();
                return 0;
            }
            catch (MemoryFaultException e)
            {
                return e.Fault == kind ? 1 : 0;
            }
        }
    }

    [Fact]
    public void Blocks_cached_by_other_threads_serve_before_a_request_fails()
    {
        using PoolAllocator pool = new([new PoolConfig(64, 64 << 10)], MiB);

        // One thread stays alive and idle, others end; each leaves free blocks in its magazine.
        CancellationToken cancelled = TestContext.Current.CancellationToken;
        using SemaphoreSlim cached = new(0);
        using SemaphoreSlim leave = new(0);
        Thread idle = new(() =>
        {
            Use(pool);
            cached.Release();
            leave.Wait(cancelled);
        });
        idle.Start();
        cached.Wait(cancelled);
        RunThreads(8, _ => Use(pool));

        for (int i = 0; i < 1024; i++)
        {
            pool.Allocate(64);
        }

        Assert.Throws<AllocationFailedException>(() => pool.Allocate(64));
        leave.Release();
        idle.Join();
        Assert.Equal(1024, pool.EnumerateBlocks().Count());

        static void Use(PoolAllocator pool)
        {
            nint[] blocks = [.. Enumerable.Range(0, 100).Select(_ => pool.Allocate(10))];
            foreach (nint block in blocks)
            {
                pool.Free(block);
            }
        }
    }

    [Fact]
    public void Counts_of_ended_threads_are_kept()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 280 * MiB);
        for (int round = 0; round < 3; round++)
        {
            RunThreads(5, _ =>
            {
                for (int i = 0; i < 1_000; i++)
                {
                    pool.Free(pool.Allocate(10));
                }
            });
        }

        AllocatorStatistics statistics = pool.GetStatistics();
        Assert.Equal((15_000L, 15_000L), (statistics.AllocationCount, statistics.FreeCount));
    }

    private static void RunThreads(int count, Action<int> job)
    {
        ConcurrentQueue<Exception> failures = new();
        Thread[] threads = new Thread[count];
        for (int i = 0; i < count; i++)
        {
            int number = i;
            threads[i] = new Thread(() =>
            {
                try
                {
                    job(number);
                }
#pragma warning disable CA1031 // Carried to the test's own thread, which fails with it.
                catch (Exception e)
#pragma warning restore CA1031
                {
                    failures.Enqueue(e);
                }
            });
            threads[i].Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        if (!failures.IsEmpty)
        {
            throw new AggregateException(failures);
        }
    }
}

using System.Collections.Concurrent;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed unsafe class DualPoolAllocatorThreadTests
{
    [Fact]
    public void Threads_that_allocate_and_free_each_others_objects_lose_and_invent_nothing()
    {
        using DualPoolAllocator pool = new(new DualPoolPlan(1_500, 60), new DualPoolOptions { TrackAllocations = true }, new MemoryBudget("test", 900 << 10));
        ConcurrentQueue<(nint Address, long Canary)> exchanged = new();
        long allocated = 0;
        long freed = 0;
        ThreadGroup.Run(4, Work);
        foreach ((nint, long) block in exchanged)
        {
            Return(block);
        }

        AllocatorStatistics statistics = pool.GetStatistics();
        Assert.Equal((allocated, freed, 0L, 0L), (statistics.AllocationCount, statistics.FreeCount, statistics.LiveBlocks, statistics.LiveBytes));
        Assert.True(pool.CheckIntegrity().IsIntact);
        pool.Trim();
        Assert.Equal(0, pool.GetStatistics().CommittedBytes);

        void Work(int thread)
        {
            Random random = new(thread);
            for (int i = 0; i < 20_000; i++)
            {
                if (random.Next(100) < 52)
                {
                    nuint size = (nuint)(8 + random.Next(random.Next(6) == 0 ? 50_000 : 110));
                    AllocationOptions options = random.Next(5) == 0 ? AllocationOptions.Zeroed : AllocationOptions.None;
                    if (pool.TryAllocate(size, out nint address, options: options, owner: new OwnerId(thread)))
                    {
                        Interlocked.Increment(ref allocated);
                        nuint usable = pool.UsableSize(address);
                        Assert.True(options == AllocationOptions.None || new ReadOnlySpan<byte>((void*)address, (int)usable).IndexOfAnyExcept((byte)0) < 0);
                        long canary = random.NextInt64();
                        *(long*)address = canary;
                        *(long*)(address + (nint)usable - 8) = usable == 8 ? canary : ~canary;
                        exchanged.Enqueue((address, canary));
                    }
                }
                else if (exchanged.TryDequeue(out (nint, long) block))
                {
                    Return(block);
                }

                if (i % 1_000 == 0)
                {
                    switch (thread)
                    {
                        case 0:
                            pool.Trim();
                            break;
                        case 1:
                            IntegrityReport report = pool.CheckIntegrity();
                            Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));
                            break;
                        case 2:
                            Assert.Empty(pool.CheckCanaries().Faults);
                            break;
                        default:
                            Assert.True(pool.EnumerateBlocks().Count() <= 1_560);
                            break;
                    }
                }
            }
        }

        void Return((nint Address, long Canary) block)
        {
            Assert.Equal(block.Canary, *(long*)block.Address);
            pool.Free(block.Address);
            Interlocked.Increment(ref freed);
        }
    }

}

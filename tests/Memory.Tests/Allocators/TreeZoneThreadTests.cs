using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed unsafe class TreeZoneThreadTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Threads_that_allocate_free_move_trim_and_resize_lose_and_invent_nothing()
    {
        using TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = 64 * MiB, LimitBytes = 12 * MiB, Budget = new MemoryBudget("test", 11 * MiB) });
        ConcurrentQueue<(nint Address, long Canary)> exchanged = new();
        long allocated = 0;
        long freed = 0;
        RunThreads(5, thread =>
        {
            Random random = new(thread);
            List<(nint Address, long Canary)> own = [];
            List<(MovableHandle Handle, long Canary)> movable = [];
            long allocations = 0;
            long frees = 0;
            for (int i = 0; i < 12_000; i++)
            {
                nuint size = (nuint)(8 + random.Next(random.Next(4) == 0 ? 9_000 : 200));
                long canary = random.NextInt64();
                int what = random.Next(100);
                if (what < 40)
                {
                    nint address;
                    if (random.Next(2) == 0 ? zones.TryAllocate(size, out address, owner: new OwnerId(thread)) : zones.TryAllocateAt(size, 3 + random.Next(5), out address))
                    {
                        allocations++;
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
                else if (what < 55)
                {
                    try
                    {
                        MovableHandle handle = zones.AllocateMovable(size);
                        allocations++;
                        using MovablePin pin = zones.Pin(handle);
                        *(long*)pin.Address = canary;
                        movable.Add((handle, canary));
                    }
                    catch (Exception e) when (e is AllocationFailedException or LimitExceededException)
                    {
                        // The limit is reached at times; that is what it is there for.
                    }
                }
                else if (what < 68 && movable.Count > 0)
                {
                    int pick = random.Next(movable.Count);
                    using (MovablePin pin = zones.Pin(movable[pick].Handle))
                    {
                        Assert.Equal(movable[pick].Canary, *(long*)pin.Address);
                    }

                    zones.Free(movable[pick].Handle);
                    movable.RemoveAt(pick);
                    frees++;
                }
                else if (what < 75 && exchanged.TryDequeue(out (nint, long) foreign))
                {
                    Return(foreign);
                    frees++;
                }
                else if (own.Count > 0)
                {
                    int pick = random.Next(own.Count);
                    Return(own[pick]);
                    own.RemoveAt(pick);
                    frees++;
                }

                if (thread == 0 && i % 1_000 == 0)
                {
                    zones.Trim();
                    IntegrityReport report = zones.CheckIntegrity();
                    Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));
                }
                else if (thread == 1 && i % 500 == 0)
                {
                    zones.Defragment(TimeSpan.FromMilliseconds(2));
                }
                else if (thread == 2 && i % 500 == 0)
                {
                    // Whether it can is for the blocks to say that happen to lie there.
                    long unit = TreeZoneAllocator.ZoneUnitBytes;
                    Exception? refused = Record.Exception(() => zones.ResizeZone(5, zones.GetZone(5).ZoneBytes + (random.Next(2) == 0 ? unit : -unit)));
                    Assert.True(refused is null or AllocationFailedException, refused?.ToString());
                }
            }

            own.ForEach(Return);
            movable.ForEach(block => zones.Free(block.Handle));
            Interlocked.Add(ref allocated, allocations);
            Interlocked.Add(ref freed, frees + own.Count + movable.Count);
        });

        foreach ((nint, long) block in exchanged)
        {
            Return(block);
            freed++;
        }

        AllocatorStatistics statistics = zones.GetStatistics();
        Assert.Equal((allocated, freed, 0L, 0L), (statistics.AllocationCount, statistics.FreeCount, statistics.LiveBlocks, statistics.LiveBytes));
        Assert.Empty(zones.EnumerateBlocks());
        Assert.All(zones.GetZones(), zone => Assert.Equal(1, zone.FreeBlocks));
        IntegrityReport last = zones.CheckIntegrity();
        Assert.True(last.IsIntact, string.Join(Environment.NewLine, last.Violations));
        zones.Trim();
        Assert.Equal(0, zones.GetStatistics().CommittedBytes);

        void Return((nint Address, long Canary) block)
        {
            Assert.Equal(block.Canary, *(long*)block.Address);
            zones.Free(block.Address);
        }
    }

    [Fact]
    public void Dispose_beside_running_threads_ends_them_with_an_error_and_not_a_crash()
    {
        for (int round = 0; round < 20; round++)
        {
            TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = 64 * MiB });
            using CountdownEvent running = new(3);
            RunThreads(4, thread =>
            {
                if (thread == 3)
                {
                    running.Wait();
                    zones.Dispose();
                    return;
                }

                zones.Free(zones.Allocate(10));
                running.Signal();
                Assert.Throws<ObjectDisposedException>(UseForEver);

                void UseForEver()
                {
                    while (true)
                    {
                        zones.Free(zones.Allocate(100));
                        zones.Free(zones.AllocateMovable(100));
                        zones.Trim();
                    }
                }
            });

            AllocatorStatistics last = zones.GetStatistics();
            Assert.Equal(last.AllocationCount - last.FreeCount, last.LeakedBlocks);
        }
    }

    private static void RunThreads(int count, Action<int> body)
    {
        ConcurrentQueue<Exception> failures = new();
        Thread[] threads = [.. Enumerable.Range(0, count).Select(i => new Thread(() =>
        {
            try
            {
                body(i);
            }
            catch (Exception e)
            {
                failures.Enqueue(e);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        if (failures.TryDequeue(out Exception? failure))
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }
}

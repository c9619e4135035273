namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Threads that exchange blocks through shared places, so that most are freed by another thread than the one that allocated them. Contents are checked on the way.</summary>
internal static unsafe class AllocatorStress
{
    private const int Places = 512;

    /// <summary>Runs it and checks that nothing was lost. Sizes are spread over orders of magnitude up to the largest.</summary>
    internal static void Run(MemoryAllocator allocator, int largestSize, int threads = 4, int steps = 20_000)
    {
        Assert.True(allocator.IsThreadSafe);
        nint[] places = new nint[Places];
        long allocated = 0;
        List<Exception> failures = [];
        Thread[] running = [.. Enumerable.Range(0, threads).Select(number => new Thread(() =>
        {
            try
            {
                Random random = new(number);
                for (int step = 0; step < steps; step++)
                {
                    int bits = random.Next((int)Math.Log2(largestSize) + 1);
                    int size = Math.Min(largestSize, Math.Max(2 * sizeof(int), (1 << bits) + random.Next(1 << bits)));
                    nint mine = 0;
                    if (random.Next(16) != 0 && allocator.TryAllocate((nuint)size, out mine, options: random.Next(4) == 0 ? AllocationOptions.Zeroed : AllocationOptions.None, owner: new OwnerId(size)))
                    {
                        Interlocked.Increment(ref allocated);
                        *(int*)mine = size;
                        ((byte*)mine)[size - 1] = (byte)~size;
                    }

                    nint other = Interlocked.Exchange(ref places[random.Next(Places)], mine);
                    if (other != 0)
                    {
                        Assert.True(allocator.Owns(other));
                        Assert.Equal((byte)~*(int*)other, ((byte*)other)[*(int*)other - 1]);
                        allocator.FreeSized(other, (nuint)(*(int*)other));
                    }

                    if (random.Next(4_000) == 0)
                    {
                        allocator.Trim();
                        _ = allocator.EnumerateBlocks().Count();
                        _ = allocator.GetGroups();
                    }
                }
            }
            catch (Exception e)
            {
                lock (failures)
                {
                    failures.Add(e);
                }
            }
        }))];
        foreach (Thread thread in running)
        {
            thread.Start();
        }

        foreach (Thread thread in running)
        {
            thread.Join();
        }

        Assert.Empty(failures);
        IntegrityReport report = allocator.CheckIntegrity();
        Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));
        Assert.Equal(places.Count(place => place != 0), allocator.GetStatistics().LiveBlocks);
        foreach (nint place in places.Where(place => place != 0))
        {
            allocator.Free(place);
        }

        AllocatorStatistics last = allocator.GetStatistics();
        Assert.Equal((0L, 0L, allocated, allocated), (last.LiveBlocks, last.LiveBytes, last.AllocationCount, last.FreeCount));
        allocator.Trim();
        Assert.Equal(0, allocator.GetStatistics().CommittedBytes);
        Assert.True(allocator.CheckIntegrity().IsIntact);
    }
}

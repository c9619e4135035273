using System.Collections.Concurrent;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Random allocations and frees on several threads, with every other block freed by the next thread.</summary>
internal sealed unsafe class ThreadStress(MemoryAllocator allocator, int largestSize)
{
    private const int LiveAtMost = 60;

    private readonly ConcurrentQueue<Exception> _failures = [];
    private long _allocated;
    private long _failed;
    private long _handedOver;

    internal long Allocated => _allocated;

    internal long Failed => _failed;

    internal long HandedOver => _handedOver;

    internal void Run(int threads, int operations)
    {
        ConcurrentQueue<Block>[] inboxes = [.. Enumerable.Range(0, threads).Select(_ => new ConcurrentQueue<Block>())];
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(t => new Thread(() => Guarded(() => Work(t, operations, inboxes))))];
        foreach (Thread worker in workers)
        {
            worker.Start();
        }

        foreach (Thread worker in workers)
        {
            while (!worker.Join(1) && allocator.IsThreadSafe)
            {
                Guarded(() =>
                {
                    AllocatorStatistics now = allocator.GetStatistics();
                    Assert.True(now.CommittedBytes <= now.LimitBytes && now.PeakCommittedBytes >= now.CommittedBytes);
                    Assert.All(allocator.EnumerateBlocks(), block => Assert.True(block.UsableBytes > 0));
                    Assert.All(allocator.EnumerateExtents(), extent => Assert.True(extent.Bytes > 0));
                    allocator.GetGroups();
                });
            }
        }

        Guarded(() =>
        {
            foreach (ConcurrentQueue<Block> inbox in inboxes)
            {
                FreeAll(inbox);
            }
        });
        Assert.True(_failures.IsEmpty, string.Join(Environment.NewLine, _failures));
    }

    private void Work(int thread, int operations, ConcurrentQueue<Block>[] inboxes)
    {
        Random random = new(thread + 1);
        List<Block> mine = [];
        for (int i = 0; i < operations; i++)
        {
            if (mine.Count < LiveAtMost && random.Next(2) == 0)
            {
                int bits = random.Next(0, (int)Math.Log2(largestSize));
                int size = 1 + random.Next(1 << bits);
                if (!allocator.TryAllocate((nuint)size, out nint address, owner: new OwnerId(thread)))
                {
                    Interlocked.Increment(ref _failed);
                    continue;
                }

                Interlocked.Increment(ref _allocated);
                Block block = new(address, size, (byte)random.Next(256));
                new Span<byte>((void*)address, size).Fill(block.Pattern);
                mine.Add(block);
            }
            else if (mine.Count > 0)
            {
                int at = random.Next(mine.Count);
                Block block = mine[at];
                mine[at] = mine[^1];
                mine.RemoveAt(mine.Count - 1);
                if ((i & 1) == 0)
                {
                    inboxes[(thread + 1) % inboxes.Length].Enqueue(block);
                    Interlocked.Increment(ref _handedOver);
                }
                else
                {
                    Free(block);
                }
            }

            if (i % 16 == 0)
            {
                FreeAll(inboxes[thread]);
            }
        }

        mine.ForEach(Free);
    }

    private void FreeAll(ConcurrentQueue<Block> inbox)
    {
        while (inbox.TryDequeue(out Block block))
        {
            Free(block);
        }
    }

    private void Free(Block block)
    {
        int wrong = new ReadOnlySpan<byte>((void*)block.Address, block.Size).IndexOfAnyExcept(block.Pattern);
        Assert.True(wrong < 0, $"Byte {wrong} of the block at 0x{block.Address:x} has changed under its owner.");
        if ((block.Size & 1) == 0)
        {
            allocator.Free(block.Address);
        }
        else
        {
            allocator.FreeSized(block.Address, (nuint)block.Size);
        }
    }

    private void Guarded(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e)
        {
            // On a thread of its own an exception would end the process, so it is kept until the threads are done.
            _failures.Enqueue(e);
        }
    }

    private readonly record struct Block(nint Address, int Size, byte Pattern);
}

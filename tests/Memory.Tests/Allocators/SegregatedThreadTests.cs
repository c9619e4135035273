using System.Collections.Concurrent;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Threads that free at the same moment without the heap's lock: every block goes back once.</summary>
public sealed unsafe class SegregatedThreadTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Threads_that_free_each_others_blocks_lose_and_invent_nothing()
    {
        using SegregatedAllocator allocator = SharedHeap.Create(64 * MiB);
        AllocatorStatistics before = allocator.GetStatistics();
        const int Threads = 4;
        const int PerThread = 40_000;
        const int MostWaiting = 5_000;
        ConcurrentQueue<(nint Address, int Size, byte Pattern)>[] inboxes = [.. Enumerable.Range(0, Threads).Select(_ => new ConcurrentQueue<(nint, int, byte)>())];
        long freedElsewhere = 0;
        int running = Threads;
        ThreadGroup.Run(Threads + 1, thread =>
        {
            if (thread == Threads)
            {
                while (Volatile.Read(ref running) > 0)
                {
                    AllocatorStatistics now = allocator.GetStatistics();
                    Assert.Equal(now.AllocationCount - now.FreeCount, now.LiveBlocks);
                    Assert.Empty(allocator.CheckIntegrity().Violations);
                    allocator.Trim();
                }

                return;
            }

            try
            {
                Random random = new(thread);
                for (int i = 0; i < PerThread; i++)
                {
                    // Now and then one that is too large to be left to others.
                    int size = random.Next(1, random.Next(50) == 0 ? 20_000 : 3_000);
                    byte pattern = (byte)random.Next(256);
                    nint address = allocator.Allocate((nuint)size);
                    new Span<byte>((void*)address, size).Fill(pattern);

                    // What waits for a thread that the machine has stopped must not fill the capacity.
                    int receiver = random.Next(Threads);
                    inboxes[inboxes[receiver].Count < MostWaiting ? receiver : thread].Enqueue((address, size, pattern));
                    while (inboxes[thread].Count > 20)
                    {
                        Take(thread);
                    }
                }

                while (!inboxes[thread].IsEmpty)
                {
                    Take(thread);
                }
            }
            finally
            {
                // Also when it fails: the thread that looks must end, or the failure is never told.
                Interlocked.Decrement(ref running);
            }

            void Take(int from)
            {
                if (inboxes[from].TryDequeue(out (nint Address, int Size, byte Pattern) block))
                {
                    Assert.True(new Span<byte>((void*)block.Address, block.Size).IndexOfAnyExcept(block.Pattern) < 0, "A block was changed by somebody else.");
                    bool before = allocator.Heap.Elsewhere!.HasAny;
                    allocator.FreeSized(block.Address, (nuint)block.Size);
                    Interlocked.Add(ref freedElsewhere, before ? 1 : 0);
                }
            }
        });
        while (inboxes.FirstOrDefault(inbox => !inbox.IsEmpty) is { } inbox && inbox.TryDequeue(out (nint Address, int Size, byte Pattern) left))
        {
            allocator.Free(left.Address);
        }

        Assert.True(freedElsewhere > 0, "Nothing was freed without the lock, so this run proved nothing.");
        AllocatorStatistics after = allocator.GetStatistics();
        Assert.Equal(before.AllocationCount + (Threads * PerThread), after.AllocationCount);
        Assert.Equal((after.AllocationCount, 0L, 0L), (after.FreeCount, after.LiveBlocks, after.LiveBytes));
        Assert.Empty(allocator.CheckIntegrity().Violations);
        allocator.Trim();
        Assert.Equal(0, allocator.GetStatistics().CommittedBytes);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Threads_that_free_one_block_at_once_are_told_exactly_once(int threads)
    {
        const int Rounds = 4_000;
        using SegregatedAllocator allocator = SharedHeap.Create(8 * MiB);
        long before = allocator.GetStatistics().FreeCount;
        nint[] blocks = [.. Enumerable.Range(0, Rounds).Select(i => allocator.Allocate((nuint)(1 + (i % 700))))];
        int[] freed = FreeAtOnce(threads, blocks, address =>
        {
            try
            {
                allocator.Free(address);
                return true;
            }
            catch (MemoryFaultException e) when (e.Fault == MemoryFault.DoubleFree)
            {
                return false;
            }
        });

        Assert.All(freed, times => Assert.Equal(1, times));
        Assert.Equal((before + Rounds, 0L), (allocator.GetStatistics().FreeCount, allocator.GetStatistics().LiveBlocks));
        Assert.Empty(allocator.CheckIntegrity().Violations);
    }

    /// <summary>The control of the test above: marks that are set without an interlocked operation let two threads free one block, and it sees that.</summary>
    [Fact]
    public void Frees_that_look_first_and_mark_then_are_seen_to_free_twice()
    {
        nint[] blocks = [.. Enumerable.Range(0, 200).Select(i => (nint)i)];
        bool[] marks = new bool[blocks.Length];
        using Barrier between = new(2);
        int[] freed = FreeAtOnce(2, blocks, address =>
        {
            bool mine = !Volatile.Read(ref marks[address]);
            between.SignalAndWait();
            Volatile.Write(ref marks[address], true);
            return mine;
        });
        Assert.Contains(2, freed);
    }

    /// <summary>The race that a barrier between frees is too slow to provoke: two threads mark the same words as fast as they can.</summary>
    [Fact]
    public void Two_threads_that_mark_the_same_granules_share_them()
    {
        const uint Granules = 256 << 10;
        using FreedElsewhere elsewhere = new(Granules);
        elsewhere.Know(Granules);
        Assert.Equal(Granules, WonByTwo(Granules, elsewhere.TryMark));
    }

    /// <summary>Its control: without interlocked operations some are won twice.</summary>
    [Fact]
    public void Two_threads_that_mark_without_interlocked_operations_do_not()
    {
        const uint Granules = 256 << 10;
        ulong[] marks = new ulong[Granules / 64];
        Assert.NotEqual(Granules, WonByTwo(Granules, granule =>
        {
            ulong before = Volatile.Read(ref marks[granule >> 6]);
            ulong bit = 1UL << (int)(granule & 63);
            if (bit == 1)
            {
                Thread.Yield();
            }

            Volatile.Write(ref marks[granule >> 6], before | bit);
            return (before & bit) == 0;
        }));
    }

    [Fact]
    public void Every_block_that_is_pushed_arrives_once()
    {
        const uint Each = 200_000;
        using FreedElsewhere elsewhere = new(1024);
        byte[] arrived = new byte[3 * Each];
        ThreadGroup.Run(4, thread =>
        {
            if (thread < 3)
            {
                for (uint i = 0; i < Each; i++)
                {
                    SpinWait spin = default;
                    while (!elsewhere.TryPush(((uint)thread * Each) + i))
                    {
                        spin.SpinOnce();
                    }
                }

                return;
            }

            SpinWait wait = default;
            for (uint left = 3 * Each; left > 0;)
            {
                uint granule = elsewhere.Take();
                if (granule == SegregatedHeap.None)
                {
                    wait.SpinOnce();
                    continue;
                }

                arrived[granule]++;
                left--;
            }
        });
        Assert.True(arrived.AsSpan().IndexOfAnyExcept((byte)1) < 0);
        Assert.False(elsewhere.HasAny);
    }

    /// <summary>Two threads free one block; one of them is stopped between looking at the block and marking it, while the other frees it and it is merged.</summary>
    [Fact]
    public void A_free_that_looked_before_another_was_merged_is_not_done() => AfterLooking(freedByOther: true, (allocator, elsewhere, block, start) =>
    {
        Assert.False(allocator.Heap.TryBring(elsewhere, start));
        Assert.False(elsewhere.IsMarked(start));
        Assert.False(elsewhere.HasAny);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => allocator.Free(block)).Fault);
        Assert.Equal((0L, 0L), (allocator.GetStatistics().LiveBlocks, allocator.GetStatistics().LiveBytes));
        Assert.Empty(allocator.CheckIntegrity().Violations);
    });

    /// <summary>Its first control: a block that nobody else freed is brought.</summary>
    [Fact]
    public void A_free_that_looked_at_a_block_still_live_is_done() => AfterLooking(freedByOther: false, (allocator, elsewhere, block, start) =>
    {
        Assert.True(allocator.Heap.CanGiveElsewhere(block, 100, sized: true, out uint sized));
        Assert.Equal(start, sized);
        Assert.True(allocator.Heap.TryBring(elsewhere, start));
        Assert.False(allocator.Owns(block));
        Assert.Equal(0, allocator.GetStatistics().LiveBlocks);
    });

    /// <summary>Its second control: who marks and does not look again brings a block that is free.</summary>
    [Fact]
    public void A_free_that_looks_once_is_done_twice() => AfterLooking(freedByOther: true, (allocator, elsewhere, _, start) =>
    {
        Assert.True(elsewhere.TryMark(start) && elsewhere.TryPush(start));
        Assert.Equal(0, allocator.GetStatistics().LiveBlocks);
    });

    /// <summary>Goes on after a thread has looked at a live block that it wants to free, and perhaps another one freed it meanwhile.</summary>
    private static void AfterLooking(bool freedByOther, Action<SegregatedAllocator, FreedElsewhere, nint, uint> goOn)
    {
        using SegregatedAllocator allocator = SharedHeap.Create(8 * MiB);
        nint block = allocator.Allocate(100);
        Assert.True(allocator.Heap.CanGiveElsewhere(block, 0, sized: false, out uint start));
        if (freedByOther)
        {
            allocator.Free(block);
            allocator.Heap.MergeDeferred();
        }

        goOn(allocator, allocator.Heap.Elsewhere!, block, start);
    }

    private static uint WonByTwo(uint granules, Func<uint, bool> tryMark)
    {
        uint[] won = new uint[2];
        uint[] reached = new uint[64];
        ThreadGroup.Run(2, thread =>
        {
            uint mine = 0;
            for (uint granule = 0; granule < granules; granule++)
            {
                // Word by word together, so that there is a race for every word.
                if ((granule & 63) == 0)
                {
                    Volatile.Write(ref reached[32 * thread], granule + 1);
                    SpinWait spin = default;
                    while (Volatile.Read(ref reached[32 * (1 - thread)]) <= granule)
                    {
                        spin.SpinOnce(sleep1Threshold: -1);
                    }
                }

                mine += tryMark(granule) ? 1u : 0;
            }

            won[thread] = mine;
        });
        return won[0] + won[1];
    }

    /// <summary>How often each block was freed when all threads free each at the same moment.</summary>
    private static int[] FreeAtOnce(int threads, nint[] blocks, Func<nint, bool> free)
    {
        int[] freed = new int[blocks.Length];
        using Barrier barrier = new(threads);
        ThreadGroup.Run(threads, _ =>
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                barrier.SignalAndWait();
                if (free(blocks[i]))
                {
                    Interlocked.Increment(ref freed[i]);
                }
            }
        });
        return freed;
    }
}

using System.Collections.Concurrent;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>The heap between threads: frees without the lock, which need blocks without owners.</summary>
public sealed unsafe class SegregatedThreadTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Threads_that_free_each_others_blocks_lose_and_invent_nothing()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(64 * MiB);
        MakeShared(allocator);
        AllocatorStatistics before = allocator.GetStatistics();
        const int Threads = 4;
        const int PerThread = 40_000;
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

            Random random = new(thread);
            for (int i = 0; i < PerThread; i++)
            {
                // Now and then one that is too large to be left to others.
                int size = random.Next(1, random.Next(50) == 0 ? 20_000 : 3_000);
                byte pattern = (byte)random.Next(256);
                nint address = allocator.Allocate((nuint)size);
                new Span<byte>((void*)address, size).Fill(pattern);
                inboxes[random.Next(Threads)].Enqueue((address, size, pattern));
                while (inboxes[thread].Count > 20)
                {
                    Take(thread);
                }
            }

            while (!inboxes[thread].IsEmpty)
            {
                Take(thread);
            }

            Interlocked.Decrement(ref running);

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
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(8 * MiB);
        MakeShared(allocator);
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

    /// <summary>Two threads free one block; one of them is stopped between looking at the block and marking it, while the other frees it and it is merged.</summary>
    [Fact]
    public void A_free_that_looked_before_another_was_merged_is_not_done()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(8 * MiB);
        MakeShared(allocator);
        SegregatedHeap heap = allocator.Heap;
        FreedElsewhere elsewhere = heap.Elsewhere!;
        nint block = allocator.Allocate(100);
        Assert.True(heap.CanGiveElsewhere(block, 0, sized: false, out uint start));

        allocator.Free(block);
        heap.MergeDeferred();
        Assert.False(heap.TryBring(elsewhere, start));

        Assert.False(elsewhere.IsMarked(start));
        Assert.False(elsewhere.HasAny);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => allocator.Free(block)).Fault);
        Assert.Equal((0L, 0L), (allocator.GetStatistics().LiveBlocks, allocator.GetStatistics().LiveBytes));
        Assert.Empty(allocator.CheckIntegrity().Violations);
    }

    /// <summary>Its controls: a block that nobody else freed is brought, and who marks and does not look again brings one that is free.</summary>
    [Fact]
    public void A_free_that_looks_once_is_done_twice()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(8 * MiB);
        MakeShared(allocator);
        SegregatedHeap heap = allocator.Heap;
        FreedElsewhere elsewhere = heap.Elsewhere!;
        nint block = allocator.Allocate(100);
        Assert.True(heap.CanGiveElsewhere(block, 100, sized: true, out uint start));
        Assert.True(heap.TryBring(elsewhere, start));
        Assert.False(allocator.Owns(block));
        Assert.Equal(0, allocator.GetStatistics().LiveBlocks);

        block = allocator.Allocate(100);
        Assert.True(heap.CanGiveElsewhere(block, 0, sized: false, out start));
        allocator.Free(block);
        heap.MergeDeferred();
        Assert.True(elsewhere.TryMark(start) && elsewhere.TryPush(start));
        Assert.Equal(0, allocator.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void A_block_that_is_on_its_way_is_free_for_everybody()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(8 * MiB);
        MakeShared(allocator);
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
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(8 * MiB);
        MakeShared(allocator);
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
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(64 * MiB);
        MakeShared(allocator);
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
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(MiB);
        MakeShared(allocator);
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
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(MiB);
        MakeShared(allocator);
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
            SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(16 * MiB);
            MakeShared(allocator);
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
        SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(8 * MiB);
        MakeShared(allocator);
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
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(8 * MiB);
        MakeShared(allocator);
        Assert.Empty(allocator.CheckIntegrity().Violations);
        nint block = allocator.Allocate(100);
        Assert.True(allocator.Heap.Elsewhere!.TryMark(allocator.Heap.GranuleAt(block) + 1));
        Assert.Single(allocator.CheckIntegrity().Violations);
        allocator.Heap.Elsewhere.Unmark(allocator.Heap.GranuleAt(block) + 1);
        Assert.Empty(allocator.CheckIntegrity().Violations);
        allocator.Free(block);
    }

    private const int Kept = 100;

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

    /// <summary>Hands the lock to and fro until the heap knows that several threads use it.</summary>
    private static void MakeShared(SegregatedAllocator allocator)
    {
        for (int i = 0; i < 1_000 && !allocator.Heap.IsShared; i++)
        {
            nint block = allocator.Allocate(100);
            ThreadGroup.Run(1, _ => allocator.Free(block));
        }

        Assert.True(allocator.Heap.IsShared, "A thousand foreign frees did not make the heap shared.");
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

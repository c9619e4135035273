using DimensionStore.Memory.Native;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What every allocator must keep. A class per allocator derives from this and says how to make one.</summary>
public abstract class AllocatorModelTests
{
    private const int Runs = 150;

    private const int MostBlocks = 2_000_000;

    /// <summary>Makes a small allocator, so that random runs come to its limit.</summary>
    protected abstract Func<MemoryAllocator> Create { get; }

    /// <summary>Largest size that random runs ask for; some above what the allocator can serve.</summary>
    protected virtual int LargestSize => 20_000;

    /// <summary>A size that fits many times.</summary>
    protected virtual int SmallSize => 100;

    /// <summary>The most that stays committed after everything was freed and trimmed.</summary>
    protected virtual long KeptBytes => 0;

    [Fact]
    public void Random_runs_agree_with_the_model()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(Runs), Prop.ForAll(AllocatorOperation.Runs(LargestSize), AgreesWithTheModel));

    /// <summary>The short runs that once found a fault in some allocator; a new one is kept by adding it to their file as it was printed.</summary>
    [Fact]
    public void Kept_runs_agree_with_the_model()
    {
        foreach ((_, AllocatorOperation[] operations) in KeptRuns.All)
        {
            AgreesWithTheModel(operations);
        }
    }

    [Fact]
    public void Everything_freed_leaves_nothing_live_and_trim_returns_all()
    {
        using MemoryAllocator allocator = Create();
        AllocatorModel model = new(allocator);
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 500; i++)
            {
                model.Run(new AllocatorOperation(OperationKind.Allocate, 1 + (i * 37 % SmallSize), i, i % 3));
            }

            model.CheckAll();
            model.FreeAll();
            model.CheckAll();
            allocator.Trim();
            Assert.InRange(allocator.GetStatistics().CommittedBytes, 0, KeptBytes);
            model.CheckAll();
        }
    }

    [Fact]
    public void Failure_of_the_Nth_commit_leaves_everything_intact_for_every_N()
    {
        int failures = 0;
        for (int n = 1; ; n++)
        {
            using MemoryAllocator allocator = Create();
            AllocatorModel model = new(allocator);
            NativeFaults.FailNthCommit = n;
            try
            {
                for (int i = 0; i < 300; i++)
                {
                    model.Run(new AllocatorOperation(OperationKind.Allocate, 1 + (i * 53 % LargestSize), i, 0));
                }
            }
            finally
            {
                failures += NativeFaults.FailNthCommit == 0 ? 1 : 0;
            }

            bool hit = NativeFaults.FailNthCommit == 0;
            NativeFaults.FailNthCommit = 0;
            model.CheckAll();
            model.FreeAll();
            model.CheckAll();
            if (!hit)
            {
                Assert.True(failures > 0, "No commit was ever made to fail, so this run proved nothing.");
                return;
            }
        }
    }

    [Fact]
    public void Wrong_arguments_are_never_taken_for_lack_of_memory()
    {
        using MemoryAllocator allocator = Create();
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.Allocate(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.TryAllocate(0, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.Allocate(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.Allocate(1, 24));
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.TryAllocate(1, out _, 3));
        Assert.Throws<AllocationFailedException>(() => allocator.Allocate(nuint.MaxValue));
        Assert.False(allocator.TryAllocate(nuint.MaxValue, out nint address));
        Assert.Equal(0, address);
        Assert.Equal(2, allocator.GetStatistics().FailedAllocationCount);
        Assert.True(allocator.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Refusals_say_what_was_asked_what_is_there_the_limit_and_the_owner()
    {
        using MemoryAllocator allocator = Create();
        OwnerId owner = new(7);
        foreach (nuint size in (ReadOnlySpan<nuint>)[nuint.MaxValue, (nuint)LargestSize, (nuint)SmallSize])
        {
            Exception? refusal = null;
            for (int i = 0; i < MostBlocks && refusal is null; i++)
            {
                refusal = Record.Exception(() => allocator.Allocate(size, owner: owner));
            }

            if (refusal is null && size == (nuint)SmallSize)
            {
                // Roomy, and what refused the larger size was the size.
                return;
            }

            AllocatorStatistics statistics = allocator.GetStatistics();
            long asked = (long)nuint.Min(size, (nuint)nint.MaxValue);
            if (refusal is LimitExceededException limit)
            {
                Assert.Equal((asked, owner, limit.LimitBytes - limit.UsedBytes), (limit.RequestedBytes, limit.Owner, limit.AvailableBytes));
                Assert.InRange(limit.UsedBytes, 0, limit.LimitBytes);
                Assert.Contains($"owner {owner}", limit.Message, StringComparison.Ordinal);
                continue;
            }

            AllocationFailedException failure = Assert.IsType<AllocationFailedException>(refusal);
            Assert.Equal((asked, owner), (failure.RequestedBytes, failure.Owner));
            Assert.InRange(failure.AvailableBytes, 0, statistics.LimitBytes);
            Assert.EndsWith(failure.Reason, failure.Message, StringComparison.Ordinal);
            Assert.InRange(failure.TotalBytes, 1, statistics.LimitBytes);
            Assert.InRange(failure.UsedBytes, 0, failure.TotalBytes);
            Assert.InRange(failure.AvailableBytes, 0, failure.TotalBytes);
            Assert.Contains($"{failure.TotalBytes:N0}", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Nothing_works_after_dispose_and_Owns_never_throws()
    {
        MemoryAllocator allocator = Create();
        nint address = allocator.Allocate((nuint)SmallSize);
        allocator.Dispose();
        allocator.Dispose();
        Assert.False(allocator.Owns(address));
        Assert.False(allocator.Owns(0));
        Assert.Throws<ObjectDisposedException>(() => allocator.Allocate(1));
        Assert.Throws<ObjectDisposedException>(() => allocator.Allocate(nuint.MaxValue));
        Assert.Throws<ObjectDisposedException>(() => allocator.TryAllocate(1, out _));
        Assert.Throws<ObjectDisposedException>(() => allocator.TryAllocate(nuint.MaxValue, out _));
        Assert.Throws<ObjectDisposedException>(() => allocator.Free(address));
        Assert.Throws<ObjectDisposedException>(() => allocator.FreeSized(address, (nuint)SmallSize));
        Assert.Throws<ObjectDisposedException>(() => allocator.UsableSize(address));
        Assert.Throws<ObjectDisposedException>(allocator.Reset);
        Assert.Throws<ObjectDisposedException>(() => allocator.Trim());
        Assert.Throws<ObjectDisposedException>(() => allocator.EnumerateBlocks().Count());
        Assert.Throws<ObjectDisposedException>(() => allocator.EnumerateExtents().Count());
        Assert.Throws<ObjectDisposedException>(() => allocator.Reallocate(address, 1));
        Assert.Throws<ObjectDisposedException>(allocator.CheckIntegrity);
        Assert.Equal(1, allocator.GetStatistics().LeakedBlocks);
    }

    [Fact]
    public void Steady_state_allocates_no_managed_memory()
    {
        using MemoryAllocator allocator = Create();
        Span<nint> blocks = stackalloc nint[200];
        Churn(allocator, blocks);

        // What a process or an allocator sets up once, whenever it comes to that, is no part of the state that is steady: it is not set up in each of three rounds.
        long least = long.MaxValue;
        for (int round = 0; round < 3; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Churn(allocator, blocks);
            AllocatorStatistics statistics = allocator.GetStatistics();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.Equal(0, statistics.LiveBlocks);
        }

        Assert.Equal(0, least);
    }

    [Fact]
    public unsafe void Guards_owners_and_spans_give_their_blocks_back()
    {
        using MemoryAllocator allocator = Create();
        using (BlockGuard guard = allocator.AllocateGuarded((nuint)SmallSize))
        using (System.Buffers.IMemoryOwner<byte> owner = allocator.AllocateMemory(SmallSize, AllocationOptions.Zeroed))
        {
            guard.Span.Fill(7);
            Assert.Equal(SmallSize, owner.Memory.Length);
            Assert.Equal(-1, owner.Memory.Span.IndexOfAnyExcept((byte)0));
            Assert.Equal(7, allocator.AsSpan(guard.Address, SmallSize)[SmallSize - 1]);
            Assert.Equal(2, allocator.GetStatistics().LiveBlocks);
            Assert.Throws<ArgumentOutOfRangeException>(() => allocator.AllocateMemory(SmallSize, alignment: 24));
        }

        Assert.Equal(0, allocator.GetStatistics().LiveBlocks);
    }

    /// <summary>
    /// Threads allocate, and free what others allocated; each block is filled by one thread and checked by the one that frees it. An allocator for one thread
    /// runs the same with one. Meanwhile everything that may be looked at is looked at.
    /// </summary>
    [Fact]
    public void Blocks_freed_by_other_threads_leave_counters_and_contents_right()
    {
        using MemoryAllocator allocator = Create();
        ThreadStress stress = new(allocator, LargestSize);
        stress.Run(threads: allocator.IsThreadSafe ? 4 : 1, operations: 2500);

        AllocatorStatistics statistics = allocator.GetStatistics();
        Assert.Equal((stress.Allocated, stress.Allocated, stress.Failed), (statistics.AllocationCount, statistics.FreeCount, statistics.FailedAllocationCount));
        Assert.Equal((0L, 0L, 0L), (statistics.LiveBlocks, statistics.LiveBytes, statistics.RequestedBytes));
        Assert.Empty(allocator.EnumerateBlocks());
        IntegrityReport report = allocator.CheckIntegrity();
        Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));
        Assert.True(stress.HandedOver > 0, "No block changed hands, so this run proved nothing.");
        allocator.Trim();
        Assert.InRange(allocator.GetStatistics().CommittedBytes, 0, KeptBytes);
    }

    [Fact]
    public void Two_threads_that_free_one_block_at_once_are_told_exactly_once()
    {
        using MemoryAllocator allocator = Create();
        if (!allocator.IsThreadSafe)
        {
            return;
        }

        // Of slabs, a block's own thread frees it by a plain store: only others are told apart at the same instant.
        bool isAtomicForAll = allocator is not (SizeClassAllocator or ObjectCache or ThreadHeapLayer);
        for (int freeing = isAtomicForAll ? 0 : 1; freeing <= 1; freeing++)
        {
            FreeAtOnce(allocator, firstFreeing: freeing);
        }
    }

    [Fact]
    public void Dispose_while_others_work_ends_in_typed_errors_only()
    {
        for (int round = 0; round < 8; round++)
        {
            MemoryAllocator allocator = Create();
            using CountdownEvent working = new(3);
            ThreadGroup.Run(allocator.IsThreadSafe ? 4 : 1, thread =>
            {
                if (thread == 0)
                {
                    working.Wait(allocator.IsThreadSafe ? Timeout.Infinite : 0);
                    allocator.Dispose();
                    return;
                }

                allocator.Free(allocator.Allocate((nuint)SmallSize));
                working.Signal();
                Assert.Throws<ObjectDisposedException>(UseForEver);
            });

            void UseForEver()
            {
                while (true)
                {
                    nint address = allocator.Allocate((nuint)SmallSize);
                    allocator.UsableSize(address);
                    allocator.Free(address);
                    if (allocator.TryAllocate((nuint)LargestSize, out address, options: AllocationOptions.Zeroed))
                    {
                        allocator.Free(address);
                    }
                }
            }

            AllocatorStatistics last = allocator.GetStatistics();
            Assert.InRange(last.LeakedBlocks, 0, 3);
            Assert.Equal(last.AllocationCount - last.FreeCount, last.LeakedBlocks);
        }
    }

    [Fact]
    public unsafe void Reset_while_others_allocate_zeroed_leaves_later_blocks_alone()
    {
        using MemoryAllocator allocator = Create();
        if (!allocator.IsThreadSafe)
        {
            return;
        }

        int spoilt = 0;
        bool isOver = false;
        ThreadGroup.Run(4, thread =>
        {
            if (thread != 0)
            {
                while (!Volatile.Read(ref isOver))
                {
                    allocator.TryAllocate((nuint)LargestSize, out _, options: AllocationOptions.Zeroed);
                }

                return;
            }

            try
            {
                for (int round = 0; round < 300; round++)
                {
                    allocator.Reset();
                    for (int size = LargestSize; size >= SmallSize && allocator.TryAllocate((nuint)size, out nint block); size /= 2)
                    {
                        new Span<byte>((void*)block, size).Fill(0xAB);
                        Thread.SpinWait(20);
                        spoilt += new Span<byte>((void*)block, size).IndexOfAnyExcept((byte)0xAB) >= 0 ? 1 : 0;
                    }

                    allocator.Trim();
                }
            }
            finally
            {
                Volatile.Write(ref isOver, true);
            }
        });

        allocator.Reset();
        AllocatorStatistics statistics = allocator.GetStatistics();
        Assert.Equal((0, statistics.AllocationCount, 0L), (spoilt, statistics.FreeCount, statistics.LiveBytes));
        Assert.Empty(allocator.CheckIntegrity().Violations);
    }

    /// <summary>The first thread allocates; two free, that one among them where it is the first of those that do.</summary>
    private void FreeAtOnce(MemoryAllocator allocator, int firstFreeing)
    {
        const int Rounds = 1_000;
        long freedBefore = allocator.GetStatistics().FreeCount;
        nint block = 0;
        int faults = 0;
        using Barrier barrier = new(2 + firstFreeing);
        ThreadGroup.Run(2 + firstFreeing, thread =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                if (thread == 0)
                {
                    block = allocator.Allocate((nuint)SmallSize);
                }

                barrier.SignalAndWait();
                try
                {
                    if (thread >= firstFreeing)
                    {
                        allocator.Free(block);
                    }
                }
                catch (MemoryFaultException e) when (e.Fault == MemoryFault.DoubleFree && e.Address == block)
                {
                    Interlocked.Increment(ref faults);
                }
                catch
                {
                    // The others are not to wait for a thread that ends.
                    barrier.RemoveParticipant();
                    throw;
                }

                barrier.SignalAndWait();
            }
        });

        AllocatorStatistics statistics = allocator.GetStatistics();
        Assert.Equal((Rounds, (long)Rounds, 0L), (faults, statistics.FreeCount - freedBefore, statistics.LiveBlocks));
        Assert.Empty(allocator.CheckIntegrity().Violations);
    }

    private void AgreesWithTheModel(AllocatorOperation[] operations)
    {
        MemoryAllocator allocator = Create();
        AllocatorModel model = new(allocator);
        foreach (AllocatorOperation operation in operations)
        {
            model.Run(operation);
        }

        model.CheckAll();
        int leaked = model.LiveCount;
        allocator.Dispose();
        AllocatorStatistics last = allocator.GetStatistics();
        Assert.Equal(leaked, last.LeakedBlocks);
        Assert.Equal((0L, 0L, 0L, 0L, 0L), (last.LiveBlocks, last.LiveBytes, last.CommittedBytes, last.IdleBytes, last.UnbackedBytes));
        Assert.Equal(last.AllocationCount - last.FreeCount, last.LeakedBlocks);
    }

    private void Churn(MemoryAllocator allocator, Span<nint> blocks)
    {
        for (int round = 0; round < 20; round++)
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                blocks[i] = allocator.Allocate((nuint)SmallSize, owner: new OwnerId(i));
            }

            foreach (nint block in blocks)
            {
                allocator.Free(block);
            }
        }
    }
}

using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Accounting;

/// <summary>A failed call leaves owners as they were, and takes nothing away from others meanwhile.</summary>
public sealed unsafe class OwnerChargeTests
{
    private static readonly OwnerId One = new(1);

    public static TheoryData<string> Bookkeepers { get; } = ["quota", "quota over general", "segregated"];

    [Theory]
    [MemberData(nameof(Bookkeepers))]
    public void Refused_request_leaves_no_account_no_peak_and_counts_once(string which)
    {
        using MemoryAllocator memory = Create(which, out OwnerLedger owners);
        foreach (nuint size in (nuint[])[nuint.MaxValue, 3u << 30, 65u << 20])
        {
            long failed = memory.GetStatistics().FailedAllocationCount;
            Assert.False(memory.TryAllocate(size, out _, owner: One));
            Assert.Equal(failed + 1, memory.GetStatistics().FailedAllocationCount);
            Assert.ThrowsAny<MemoryToolkitException>(() => memory.Allocate(size, owner: One));
            Assert.Equal(failed + 2, memory.GetStatistics().FailedAllocationCount);
        }

        Assert.Equal(0, owners.Count);
        nint block = memory.Allocate(64, owner: One);
        Assert.ThrowsAny<MemoryToolkitException>(() => memory.Allocate(nuint.MaxValue, owner: One));
        Assert.ThrowsAny<MemoryToolkitException>(() => memory.Reallocate(block, nuint.MaxValue));
        Assert.ThrowsAny<MemoryToolkitException>(() => memory.Reallocate(block, 65u << 20));
        Assert.Equal((64L, 64L, 1L), (owners.GetUsage(One).UsedBytes, owners.GetUsage(One).PeakBytes, owners.GetUsage(One).LiveBlocks));
        memory.Free(block);
    }

    [Theory]
    [MemberData(nameof(Bookkeepers))]
    public void Limit_refuses_an_owner_without_an_account_too(string which)
    {
        using MemoryAllocator memory = Create(which, out OwnerLedger owners, defaultLimit: 1_000);
        for (int owner = 1; owner <= 100; owner++)
        {
            Assert.False(memory.TryAllocate(1_100, out _, owner: new OwnerId(owner)));
        }

        Assert.Equal(new OwnerId(4), Assert.Throws<LimitExceededException>(() => memory.Allocate(1_100, owner: new OwnerId(4))).Owner);
        Assert.Equal((0, 101L, 0L), (owners.Count, memory.GetStatistics().FailedAllocationCount, memory.GetStatistics().LiveBlocks));
        memory.Allocate(992, owner: One);
        Assert.Equal(1, owners.Count);
    }

    [Theory]
    [MemberData(nameof(Bookkeepers))]
    public void Requests_that_cannot_be_served_take_nothing_from_an_owners_others(string which)
    {
        using MemoryAllocator memory = Create(which, out _);
        int refused = 0;
        bool isDone = false;
        using Barrier together = new(2);
        Thread greedy = new(() =>
        {
            together.SignalAndWait();
            while (!Volatile.Read(ref isDone))
            {
                memory.TryAllocate(nuint.MaxValue, out _, owner: One);
            }
        });
        greedy.IsBackground = true;
        greedy.Start();
        together.SignalAndWait(TestContext.Current.CancellationToken);
        for (int i = 0; i < 50_000; i++)
        {
            if (memory.TryAllocate(64, out nint block, owner: One))
            {
                memory.Free(block);
            }
            else
            {
                refused++;
            }
        }

        Volatile.Write(ref isDone, true);
        greedy.Join();
        Assert.Equal(0, refused);
    }

    [Fact]
    public void Block_that_must_move_is_charged_only_with_what_is_added()
    {
        using SegregatedAllocator heap = SegregatedAllocator.WithCapacity(1 << 20);
        heap.SetOwnerLimit(One, 10_000);
        nint first = heap.Allocate(4_000, owner: One);
        nint second = heap.Allocate(4_000, owner: One);
        nint wall = heap.Allocate(64);
        for (int i = 0; i < 4_000; i++)
        {
            ((byte*)first)[i] = (byte)(i * 7);
        }

        nint moved = heap.Reallocate(first, 5_000);
        Assert.NotEqual(first, moved);
        for (int i = 0; i < 4_000; i++)
        {
            Assert.Equal((byte)(i * 7), ((byte*)moved)[i]);
        }

        OwnerUsage usage = heap.GetOwnerUsage(One);
        Assert.Equal((9_008L, 9_008L, 2L, 0L), (usage.UsedBytes, usage.PeakBytes, usage.LiveBlocks, usage.RefusedCount));
        Assert.False(heap.Owns(first));
        Assert.Throws<LimitExceededException>(() => heap.Reallocate(second, 6_000));
        Assert.Equal((9_008L, 1L), (heap.GetOwnerUsage(One).UsedBytes, heap.GetOwnerUsage(One).RefusedCount));
        Assert.True(heap.Owns(second));
        heap.Free(moved);
        heap.Free(second);
        heap.Free(wall);
        Assert.Equal((0L, 0L), (heap.GetOwnerUsage(One).UsedBytes, heap.GetOwnerUsage(One).LiveBlocks));
        AllocatorStatistics statistics = heap.GetStatistics();
        Assert.Equal((4L, 4L), (statistics.AllocationCount, statistics.FreeCount));
        Assert.True(heap.CheckIntegrity().IsIntact);
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(10_000)]
    public void Protection_moves_with_the_block(long limit)
    {
        using SegregatedAllocator heap = SegregatedAllocator.WithCapacity(1 << 20);
        heap.SetOwnerLimit(One, limit);
        nint block = heap.Allocate(4_000, owner: One);
        heap.Allocate(4_000, owner: One);
        heap.Protect(block, PageAccess.None);
        nint moved = heap.Reallocate(block, 5_000);
        Assert.NotEqual(block, moved);
        Assert.Equal(MemoryFault.ProtectionViolation, Assert.Throws<MemoryFaultException>(() => heap.Read<int>(moved)).Fault);
        nint next = heap.Allocate(4_000);
        Assert.Equal(0, heap.Read<int>(next) & 0);
    }

    [Fact]
    public void Callback_that_throws_fails_no_request_and_is_told_to_who_collects()
    {
        using SegregatedAllocator heap = SegregatedAllocator.WithCapacity(1 << 20);
        OwnerId ended = new(2);
        heap.RegisterOwner(One, isAlive: () => throw new InvalidOperationException("the registry is closed"));
        heap.Allocate(1_000, owner: One);
        heap.Allocate(1_000, owner: ended);
        heap.EndOwner(ended);
        long before = heap.GetStatistics().LiveBlocks;
        nint large = heap.Allocate(1020 << 10);
        Assert.NotEqual(0, large);

        // The one of the ended owner was collected on the way, the other kept.
        Assert.Equal(before, heap.GetStatistics().LiveBlocks);
        Assert.Equal(1, heap.GetOwnerUsage(One).LiveBlocks);
        Assert.Equal("the registry is closed", Assert.Throws<InvalidOperationException>(() => heap.Collect()).Message);
    }

    [Fact]
    public void Reset_beside_threads_that_allocate_leaves_nothing_charged()
    {
        using OwnerQuotaLayer memory = new(SegregatedAllocator.WithCapacity(128 << 10));
        bool isDone = false;
        Thread[] workers = [.. Enumerable.Range(1, 2).Select(number => new Thread(() =>
        {
            while (!Volatile.Read(ref isDone))
            {
                memory.TryAllocate(100, out _, owner: new OwnerId(number));
            }
        }))];
        foreach (Thread worker in workers)
        {
            worker.Start();
        }

        for (int i = 0; i < 500; i++)
        {
            memory.Reset();
        }

        Volatile.Write(ref isDone, true);
        foreach (Thread worker in workers)
        {
            worker.Join();
        }

        memory.Reset();
        Assert.All(memory.Owners.GetAll(), usage => Assert.Equal((0L, 0L), (usage.UsedBytes, usage.LiveBlocks)));
    }

    [Fact]
    public void Message_names_no_limit_where_there_is_none_and_how_an_ended_owner_starts_anew()
    {
        using SegregatedAllocator heap = SegregatedAllocator.WithCapacity(1 << 20);
        heap.Allocate(1_000, owner: One);
        heap.EndOwner(One);
        string message = Assert.Throws<LimitExceededException>(() => heap.Allocate(10, owner: One)).Message;
        Assert.DoesNotContain("9,223", message, StringComparison.Ordinal);
        Assert.Contains("Set-MemoryOwner", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Crossing_into_critical_allocates_nothing_while_nothing_can_be_collected()
    {
        using SegregatedAllocator heap = SegregatedAllocator.WithCapacity(1 << 20);
        for (int owner = 1; owner <= 1_000; owner++)
        {
            heap.Allocate(32, owner: new OwnerId(owner));
        }

        nint most = heap.Allocate((nuint)((1 << 20) * 0.94) - 32_000);
        for (int i = 0; i < 3; i++)
        {
            heap.Free(heap.Allocate(20_000));
        }

        Assert.NotEqual(PressureLevel.Critical, heap.Pressure);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            heap.Free(heap.Allocate(20_000));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(heap.Owns(most));
    }

    [Fact]
    public void Many_threads_in_turns_make_no_garbage()
    {
        const int Threads = 24;
        const int Rounds = 400;
        using SegregatedAllocator heap = SegregatedAllocator.WithCapacity(16 << 20);
        using Barrier turn = new(Threads);
        long garbage = 0;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            // The barrier's own garbage is not counted: only what the pair itself makes.
            for (int round = 0; round < Rounds; round++)
            {
                if (round % Threads == number)
                {
                    long before = GC.GetAllocatedBytesForCurrentThread();
                    heap.Free(heap.Allocate(48));
                    if (round >= Rounds / 2)
                    {
                        Interlocked.Add(ref garbage, GC.GetAllocatedBytesForCurrentThread() - before);
                    }
                }

                turn.SignalAndWait();
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Assert.Equal(0, garbage);
    }

    private static MemoryAllocator Create(string which, out OwnerLedger owners, long defaultLimit = long.MaxValue)
    {
        owners = new OwnerLedger(defaultLimit);
        return which switch
        {
            "quota" => new OwnerQuotaLayer(SegregatedAllocator.WithCapacity(64 << 20), owners),
            "quota over general" => new OwnerQuotaLayer(new GeneralAllocator(64 << 20), owners),
            _ => new SegregatedAllocator(new SegregatedOptions { CapacityBytes = 64 << 20, Owners = owners }),
        };
    }
}

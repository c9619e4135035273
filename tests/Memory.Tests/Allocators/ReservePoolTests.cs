using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed class ReservePoolModelTests : AllocatorModelTests
{
    private const int Elements = 4;

    protected override Func<MemoryAllocator> Create { get; } = () => new ReservePool(
        new BuddyAllocator(new BuddyOptions { CapacityBytes = 2 << 20, LimitBytes = 1 << 20, PageblockBytes = 64 << 10, KeepIdleBytes = 0 }),
        2_000,
        Elements,
        new ReserveOptions { Alignment = 4096, Poison = true, OwnsSource = true });

    protected override int LargestSize => 2_200;

    /// <summary>The reserve is never given back.</summary>
    protected override long KeptBytes => Elements * 16_384;
}

public sealed unsafe class ReservePoolTests
{
    private const int Size = 4096;

    [Fact]
    public void Dispose_after_the_allocator_beneath_is_quiet_and_one_element_that_is_gone_keeps_no_other()
    {
        BuddyAllocator beneath = new();
        ReservePool pool = new(beneath, 4096, 3);
        pool.Allocate();
        beneath.Dispose();
        pool.Dispose();
        Assert.Equal(1, pool.GetStatistics().LeakedBlocks);

        using BuddyAllocator other = new();
        ReservePool damaged = new(other, 4096, 3);
        other.Free(damaged.Allocate());
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(damaged.Dispose).Fault);
        Assert.Equal(0, other.GetStatistics().LiveBlocks);
        damaged.Dispose();
    }

    [Fact]
    public void An_element_is_free_once_it_is_free_beneath_whatever_a_handler_throws_then()
    {
        const int Bytes = 64 << 10;
        MemoryBudget budget = new("test", 4 * Bytes);
        using LargeObjectAllocator beneath = new(new LargeObjectOptions { CapacityBytes = 4 * Bytes, Budget = budget });
        using ReservePool pool = new(beneath, Bytes, 0);
        nint[] elements = [pool.Allocate(), pool.Allocate(), pool.Allocate(), pool.Allocate()];
        EventHandler<PressureChangedEventArgs> failing = static (_, _) => throw new InvalidOperationException("from a handler");
        budget.PressureChanged += failing;
        Assert.Throws<InvalidOperationException>(() => pool.Free(elements[0]));
        budget.PressureChanged -= failing;
        Assert.Equal((3L, 3L), (beneath.GetStatistics().LiveBlocks, pool.GetStatistics().LiveBlocks));
        Assert.False(pool.Owns(elements[0]));
        Assert.True(pool.CheckIntegrity().IsIntact);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => pool.Free(elements[0])).Fault);
    }

    [Fact]
    public void An_owner_who_ends_beneath_takes_nothing_out_of_the_reserve()
    {
        using SegregatedAllocator beneath = SegregatedAllocator.WithCapacity(1 << 20);
        using ReservePool pool = new(beneath, Size, 4);
        beneath.Owners.Register(new OwnerId(7));
        nint mine = pool.Allocate(owner: new OwnerId(7));
        Assert.Equal(new OwnerId(7), Assert.Single(pool.EnumerateBlocks()).Owner);
        while (beneath.TryAllocate(Size, out _, owner: new OwnerId(8)))
        {
        }

        nint drawn = pool.Allocate(owner: new OwnerId(7));
        pool.Free(mine);
        beneath.EndOwner(new OwnerId(7));

        // Where there is no room, what an owner who has ended still has is collected.
        Assert.False(beneath.TryAllocate(Size, out _));
        Assert.True(pool.CheckIntegrity().IsIntact, string.Join(Environment.NewLine, pool.CheckIntegrity().Violations));
        beneath.EndOwner(new OwnerId(8));
        HashSet<nint> seen = [drawn];
        for (int i = 0; i < 100; i++)
        {
            Assert.True(seen.Add(beneath.Allocate(Size)));
            Assert.True(seen.Add(pool.Allocate()));
        }
    }

    [Fact]
    public void An_element_that_is_refused_beneath_stays_live_and_keeps_no_other()
    {
        using DiagnosticLayer beneath = new(Source(1 << 20));
        using ReservePool pool = new(beneath, Size, 1);
        nint[] elements = [pool.Allocate(), pool.Allocate(), pool.Allocate(100, owner: new OwnerId(3)), pool.Allocate()];
        nint damaged = elements[2];
        ((byte*)damaged)[Size] ^= 1;
        Assert.Equal(MemoryFault.Overrun, Assert.Throws<MemoryFaultException>(() => pool.Free(damaged)).Fault);
        AssertOnlyTheDamagedIsRefused(4, 0);

        Assert.Equal(MemoryFault.Overrun, Assert.Throws<MemoryFaultException>(pool.Reset).Fault);
        AssertOnlyTheDamagedIsRefused(1, 3);
        Assert.Equal(2, beneath.GetStatistics().LiveBlocks);

        ((byte*)damaged)[Size] ^= 1;
        pool.FreeSized(damaged, 100);
        Assert.Equal((0L, 4L, 1L), (pool.GetStatistics().LiveBlocks, pool.GetStatistics().FreeCount, beneath.GetStatistics().LiveBlocks));

        void AssertOnlyTheDamagedIsRefused(long live, long frees)
        {
            AllocatorStatistics now = pool.GetStatistics();
            Assert.Equal((live, frees, ((live - 1) * Size) + 100), (now.LiveBlocks, now.FreeCount, now.RequestedBytes));
            Assert.True(pool.Owns(damaged));
            Assert.Equal(new OwnerId(3), pool.EnumerateBlocks().Single(block => block.Address == damaged).Owner);
            Assert.True(pool.CheckIntegrity().IsIntact);
        }
    }

    [Fact]
    public void Reserve_serves_when_the_allocator_beneath_is_exhausted_and_is_refilled_first()
    {
        using BuddyAllocator buddy = Source(64 << 10);
        using ReservePool pool = new(buddy, Size, 3);
        Assert.Equal(new ReserveStatistics(Size, 3, 3, 3, 0, 0), pool.GetReserve());
        while (buddy.TryAllocate(Size, out _))
        {
        }

        nint[] drawn = [pool.Allocate(), pool.Allocate(), pool.Allocate()];
        Assert.Equal(new ReserveStatistics(Size, 3, 0, 0, 3, 0), pool.GetReserve());
        Assert.False(pool.TryAllocate(1, out _));
        Assert.Contains("reserve", Assert.Throws<AllocationFailedException>(() => pool.Allocate()).Message, StringComparison.Ordinal);
        long live = buddy.GetStatistics().LiveBlocks;
        foreach (nint element in drawn)
        {
            pool.Free(element);
        }

        Assert.Equal(new ReserveStatistics(Size, 3, 3, 0, 3, 3), pool.GetReserve());
        Assert.Equal(live, buddy.GetStatistics().LiveBlocks);
        Assert.Equal(2, pool.GetStatistics().FailedAllocationCount);
    }

    [Fact]
    public void Without_need_the_reserve_is_not_touched()
    {
        using BuddyAllocator buddy = Source(1 << 20);
        using ReservePool pool = new(buddy, Size, 2);
        for (int i = 0; i < 100; i++)
        {
            pool.Free(pool.Allocate());
        }

        Assert.Equal(new ReserveStatistics(Size, 2, 2, 2, 0, 0), pool.GetReserve());
        Assert.Equal(2, buddy.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Minimum_can_be_out_at_once_whatever_happens_beneath()
        => Prop.ForAll(Gen.Choose(0, 20).ToArbitrary(), Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), (minimum, seed) =>
        {
            using BuddyAllocator buddy = Source(256 << 10);
            using ReservePool pool = new(buddy, Size, minimum);
            Random random = new(seed);
            List<nint> mine = [];
            List<nint> others = [];
            for (int step = 0; step < 300; step++)
            {
                switch (random.Next(4))
                {
                    case 0 when buddy.TryAllocate((nuint)random.Next(1, 20_000), out nint foreign):
                        others.Add(foreign);
                        break;
                    case 1 when others.Count > 0:
                        buddy.Free(others[^1]);
                        others.RemoveAt(others.Count - 1);
                        break;
                    case 2 when mine.Count > 0:
                        int index = random.Next(mine.Count);
                        pool.Free(mine[index]);
                        mine.RemoveAt(index);
                        break;
                    default:
                        bool served = pool.TryAllocate(Size, out nint element);
                        Assert.True(served || mine.Count >= minimum, $"{mine.Count} of {minimum} guaranteed elements are out and the next was refused.");
                        if (served)
                        {
                            mine.Add(element);
                        }

                        break;
                }
            }

            Assert.True(pool.CheckIntegrity().IsIntact);
            Assert.Equal(mine.Count, pool.GetStatistics().LiveBlocks);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Resize_takes_and_gives_back_and_fails_without_a_trace()
    {
        using BuddyAllocator buddy = Source(64 << 10);
        using ReservePool pool = new(buddy, Size, 1);
        pool.Resize(5);
        Assert.Equal((5, 5L), (pool.GetReserve().AvailableElements, buddy.GetStatistics().LiveBlocks));
        pool.Resize(2);
        Assert.Equal((2, 2L), (pool.GetReserve().AvailableElements, buddy.GetStatistics().LiveBlocks));
        Assert.ThrowsAny<MemoryToolkitException>(() => pool.Resize(1000));
        Assert.Equal((2, 2, 2L), (pool.GetReserve().MinimumElements, pool.GetReserve().AvailableElements, buddy.GetStatistics().LiveBlocks));
        pool.Resize(0);
        Assert.Equal(0, buddy.GetStatistics().LiveBlocks);
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Resize(-1));
        Assert.ThrowsAny<MemoryToolkitException>(() => new ReservePool(buddy, Size, 1000));
        Assert.Equal(0, buddy.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Misuse_is_told_apart()
    {
        using BuddyAllocator buddy = Source(1 << 20);
        using ReservePool pool = new(buddy, Size, 1);
        nint element = pool.Allocate(100, owner: new OwnerId(4));
        nint foreign = buddy.Allocate(100);
        Expect(MemoryFault.ForeignFree, foreign);
        Expect(MemoryFault.NotABlockStart, element + 8);
        Expect(MemoryFault.ForeignFree, 16);
        Assert.Equal(MemoryFault.WrongSize, Assert.Throws<MemoryFaultException>(() => pool.FreeSized(element, 101)).Fault);
        pool.FreeSized(element, 100);
        Expect(MemoryFault.DoubleFree, element);
        pool.Resize(2);
        nint next = pool.Allocate();
        pool.Resize(3);
        Assert.True(buddy.Owns(next));
        pool.Free(next);
        Expect(MemoryFault.DoubleFree, next);
        Assert.True(buddy.Owns(foreign));

        void Expect(MemoryFault fault, nint address) => Assert.Equal((fault, address), (Fault(address).Fault, Fault(address).Address));
        MemoryFaultException Fault(nint address) => Assert.Throws<MemoryFaultException>(() => pool.Free(address));
    }

    [Fact]
    public void Integrity_check_finds_a_written_and_a_stolen_element()
    {
        using BuddyAllocator buddy = Source(1 << 20);
        using ReservePool pool = new(buddy, Size, 2, new ReserveOptions { Poison = true });
        nint[] ready = [.. buddy.EnumerateBlocks().Select(block => block.Address)];
        Assert.True(pool.CheckIntegrity().IsIntact);
        ((byte*)ready[0])[17] = 1;
        Assert.Contains(pool.CheckIntegrity().Violations, violation => violation.Contains("Byte 17", StringComparison.Ordinal));
        ((byte*)ready[0])[17] = ((byte*)ready[0])[18];
        nint live = pool.Allocate();
        Assert.True(pool.CheckIntegrity().IsIntact);
        buddy.Free(live);
        Assert.Contains(pool.CheckIntegrity().Violations, violation => violation.Contains("live element", StringComparison.Ordinal));
        Assert.Equal(live, buddy.Allocate(Size));
        buddy.Free(ready[1]);
        Assert.Contains(pool.CheckIntegrity().Violations, violation => violation.Contains("in the reserve is no live block", StringComparison.Ordinal));
        Assert.Equal(ready[1], buddy.Allocate(Size));
    }

    [Fact]
    public void Dispose_returns_everything_and_counts_what_was_live()
    {
        using BuddyAllocator buddy = Source(1 << 20);
        ReservePool pool = new(buddy, Size, 5);
        nint leaked = pool.Allocate();
        pool.Dispose();
        Assert.False(buddy.Owns(leaked));
        Assert.Equal(0, buddy.GetStatistics().LiveBlocks);
        Assert.Equal((1L, (long)Size, 0L), (pool.GetStatistics().LeakedBlocks, pool.GetStatistics().LeakedBytes, pool.GetStatistics().LiveBlocks));
        Assert.Throws<ObjectDisposedException>(() => pool.GetReserve());
        Assert.Throws<ObjectDisposedException>(() => pool.Resize(1));
    }

    [Fact]
    public void Threads_that_free_each_others_elements_lose_none()
    {
        using BuddyAllocator buddy = Source(1 << 20);
        ReservePool pool = new(buddy, Size, 32, new ReserveOptions { Poison = true });
        nint[] places = new nint[400];
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(number => new Thread(() =>
        {
            Random random = new(number);
            for (int step = 0; step < 20_000; step++)
            {
                nint mine = random.Next(2) == 0 && pool.TryAllocate(Size, out nint element) ? element : 0;
                nint other = Interlocked.Exchange(ref places[random.Next(places.Length)], mine);
                if (other != 0)
                {
                    pool.FreeSized(other, Size);
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.True(pool.CheckIntegrity().IsIntact);
        int live = places.Count(place => place != 0);
        Assert.Equal(live, pool.GetStatistics().LiveBlocks);
        Assert.Equal(live + pool.GetReserve().AvailableElements, buddy.GetStatistics().LiveBlocks);
        pool.Dispose();
        Assert.Equal(0, buddy.GetStatistics().LiveBlocks);
    }

    private static BuddyAllocator Source(long limit) => new(new BuddyOptions { CapacityBytes = limit, PageblockBytes = 64 << 10 });
}

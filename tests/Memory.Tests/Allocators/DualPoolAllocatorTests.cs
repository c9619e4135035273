namespace DimensionStore.Memory.Tests.Allocators;

public sealed unsafe class DualPoolAllocatorTests
{
    private const int BlockBytes = DualPoolPlan.BigBlockBytes;

    [Theory]
    [InlineData(true, 120, 16_364)]
    [InlineData(false, 128, 16_384)]
    public void Objects_have_the_bytes_of_the_specification(bool canaries, int small, int big)
    {
        using DualPoolAllocator pool = new(DualPoolPlan.Classic, new DualPoolOptions { Canaries = canaries });
        nint one = pool.Allocate((nuint)small);
        nint other = pool.Allocate((nuint)small);
        nint block = pool.Allocate((nuint)big);
        nint run = pool.Allocate((nuint)big + 1);
        Assert.Equal((nuint)small, pool.UsableSize(one));
        Assert.Equal((nuint)big, pool.UsableSize(block));
        Assert.Equal((nuint)(big + BlockBytes), pool.UsableSize(run));
        Assert.Equal(DualPoolPlan.SmallObjectBytes, other - one);
        Assert.Equal(0, one % 128);
        Assert.Equal((2, 3), (pool.GetPools()[0].Live, pool.GetPools()[1].Live));
    }

    [Fact]
    public void The_canaries_are_the_words_around_the_usable_bytes()
    {
        using DualPoolAllocator pool = new(DualPoolPlan.Classic);
        foreach (int size in (int[])[100, 5_000, 50_000])
        {
            nint address = pool.Allocate((nuint)size);
            Assert.Equal(0xDEADBEEF, *(uint*)(address - 4));
            Assert.Equal(0xBEEFDEAD, *(uint*)(address + (nint)pool.UsableSize(address)));
        }
    }

    [Fact]
    public void Every_plan_holds_what_it_says_and_not_one_more()
    {
        foreach ((int small, int big) in ((int, int)[])[(1, 1), (511, 3), (512, 64), (1_000, 65), (5_000, 130)])
        {
            using DualPoolAllocator pool = new(new DualPoolPlan(small, big));
            for (int i = 0; i < big; i++)
            {
                pool.Allocate(1_000);
            }

            for (int i = 0; i < small; i++)
            {
                pool.Allocate(10);
            }

            Assert.Throws<AllocationFailedException>(() => pool.Allocate(10));
            Assert.Throws<AllocationFailedException>(() => pool.Allocate(1_000));
            Assert.All(pool.GetPools(), usage => Assert.Equal(1.0, usage.Utilization));
            Assert.True(pool.CheckIntegrity().IsIntact);
            Assert.Equal(2, pool.GetProfile().AllocationFailures);
        }
    }

    [Fact]
    public void Small_requests_overflow_into_the_big_pool_when_the_small_one_is_full()
    {
        using DualPoolAllocator pool = new(new DualPoolPlan(10, 2));
        for (int i = 0; i < 11; i++)
        {
            pool.Allocate(10);
        }

        Assert.Equal((10, 1), (pool.GetPools()[0].Live, pool.GetPools()[1].Live));
        Assert.Equal(1, pool.GetProfile().BigAllocations);
    }

    [Fact]
    public void A_number_leads_to_its_object_and_back()
    {
        using DualPoolAllocator pool = new(new DualPoolPlan(2_000, 50));
        Random random = new(3);
        Dictionary<DualPoolSlot, nint> live = [];
        for (int i = 0; i < 3_000; i++)
        {
            nuint alignment = (nuint)1 << random.Next(15);
            if (pool.TryAllocate((nuint)(1 + random.Next(random.Next(8) == 0 ? 40_000 : 120)), out nint address, alignment))
            {
                Assert.Equal((nuint)0, (nuint)address % alignment);
                DualPoolSlot slot = pool.IndexOf(address);
                Assert.Equal(address, pool.AddressOf(slot));
                Assert.True(live.TryAdd(slot, address));
            }

            if (random.Next(3) == 0 && live.Count > 0)
            {
                DualPoolSlot gone = live.Keys.First();
                pool.Free(live[gone]);
                live.Remove(gone);
                Assert.Throws<MemoryFaultException>(() => pool.AddressOf(gone));
            }
        }

        Assert.All(live, pair => Assert.Equal(pair.Value, pool.AddressOf(pair.Key)));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.AddressOf(new DualPoolSlot(DualPool.Big, 50)));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.AddressOf(new DualPoolSlot(DualPool.Small, -1)));
        Assert.Throws<MemoryFaultException>(() => pool.AddressOf(new DualPoolSlot(DualPool.Small, 0)));
        Assert.Throws<MemoryFaultException>(() => pool.IndexOf(live.Values.First() + 1));
    }

    [Fact]
    public void Free_neighbours_serve_a_larger_request_and_strangers_count_as_fragmentation()
    {
        using DualPoolAllocator pool = new(new DualPoolPlan(100, 8));
        nint[] blocks = [.. Enumerable.Range(0, 8).Select(_ => pool.Allocate(16_000))];
        foreach (int odd in (int[])[1, 3, 5, 7])
        {
            pool.Free(blocks[odd]);
        }

        AllocationFailedException refused = Assert.Throws<AllocationFailedException>(() => pool.Allocate(30_000));
        Assert.Contains("4 are free, the longest run of them has 1", refused.Message, StringComparison.Ordinal);
        Assert.Equal((1, 1), (pool.GetProfile().FragmentationEvents, pool.GetProfile().AllocationFailures));

        // Too few altogether is a failure and no fragmentation.
        Assert.False(pool.TryAllocate(100_000, out _));
        Assert.Equal((1, 2), (pool.GetProfile().FragmentationEvents, pool.GetProfile().AllocationFailures));

        pool.Free(blocks[2]);
        nint run = pool.Allocate(45_000);
        Assert.Equal(new DualPoolSlot(DualPool.Big, 1), pool.IndexOf(run));
        Assert.True(pool.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Zeroed_is_zero_whatever_lay_there_before()
    {
        using DualPoolAllocator pool = new(new DualPoolPlan(50, 12));
        Random random = new(5);
        List<nint> live = [];
        for (int i = 0; i < 2_000; i++)
        {
            if (pool.TryAllocate((nuint)(1 + random.Next(60_000)), out nint address, (nuint)1 << random.Next(15), AllocationOptions.Zeroed))
            {
                Span<byte> bytes = new((void*)address, (int)pool.UsableSize(address));
                Assert.Equal(-1, bytes.IndexOfAnyExcept((byte)0));
                bytes.Fill(0xFF);
                live.Add(address);
            }

            while (live.Count > 5)
            {
                int pick = random.Next(live.Count);
                pool.Free(live[pick]);
                live.RemoveAt(pick);
            }

            if (i % 50 == 0)
            {
                pool.Trim();
            }
        }
    }

    [Fact]
    public void Free_memory_of_one_pool_makes_room_in_the_budget_for_the_other()
    {
        MemoryBudget budget = new("test", 256 << 10);
        using DualPoolAllocator pool = new(new DualPoolPlan(4_000, 32), budget: budget);
        nint[] small = [.. Enumerable.Range(0, 2_040).Select(_ => pool.Allocate(100))];
        Assert.Equal(budget.LimitBytes, budget.UsedBytes);
        Assert.Throws<LimitExceededException>(() => pool.Allocate(10_000));
        foreach (nint address in small)
        {
            pool.Free(address);
        }

        nint[] big = [.. Enumerable.Range(0, 16).Select(_ => pool.Allocate(10_000))];
        Assert.Equal(budget.LimitBytes, budget.UsedBytes);
        Assert.Throws<LimitExceededException>(() => pool.Allocate(10_000));
        Array.ForEach(big, pool.Free);
        pool.Dispose();
        Assert.Equal(0, budget.UsedBytes);
    }

    [Fact]
    public void Overruns_and_underruns_are_found_on_free_and_on_demand_and_none_is_invented()
    {
        const int Each = 50_000;
        using DualPoolAllocator pool = new(new DualPoolPlan(2_000, 200));
        Random random = new(7);
        int found = 0;
        for (int i = 0; i < Each; i++)
        {
            nint address = pool.Allocate((nuint)(1 + random.Next(random.Next(10) == 0 ? 40_000 : 120)), owner: new OwnerId(9));
            nint usable = (nint)pool.UsableSize(address);
            new Span<byte>((void*)address, (int)usable).Fill(0xEE);
            bool over = (i & 1) == 0;
            byte* damaged = (byte*)(over ? address + usable + random.Next(4) : address - 1 - random.Next(4));
            byte before = *damaged;
            *damaged ^= (byte)(1 + random.Next(255));
            if (i % 500 == 0)
            {
                DiagnosticReport report = pool.CheckCanaries();
                Assert.Equal(over ? MemoryFault.Overrun : MemoryFault.Underrun, Assert.Single(report.Faults).Fault);
                Assert.False(pool.CheckIntegrity().IsIntact);
            }

            try
            {
                pool.Free(address);
            }
            catch (MemoryFaultException e)
            {
                found += e.Fault == (over ? MemoryFault.Overrun : MemoryFault.Underrun) && e.Address == address && e.Owner == new OwnerId(9) ? 1 : 0;
            }

            // The control: with the byte as it was, nothing is reported and the block goes.
            *damaged = before;
            pool.Free(address);
        }

        Assert.Equal(Each, found);
        Assert.Empty(pool.CheckCanaries().Faults);
        Assert.Equal((0, Each), ((int)pool.GetStatistics().LiveBlocks, (int)pool.GetStatistics().FreeCount));
    }

    [Fact]
    public void Without_canaries_an_overrun_is_missed()
    {
        using DualPoolAllocator pool = new(DualPoolPlan.Classic, new DualPoolOptions { Canaries = false });
        nint address = pool.Allocate(100);
        *(byte*)(address + 128) ^= 0xFF;
        Assert.Empty(pool.CheckCanaries().Faults);
        pool.Free(address);
    }

    [Fact]
    public void Leaks_are_reported_with_file_line_and_time()
    {
        DateTimeOffset start = DateTimeOffset.UtcNow;
        DualPoolAllocator pool = new(DualPoolPlan.Classic, new DualPoolOptions { TrackAllocations = true });
        nint kept = pool.AllocateTracked(50, owner: new OwnerId(4));
        int line = Line() - 1;
        nint big = pool.AllocateTracked(20_000);
        pool.Free(pool.AllocateTracked(60));
        nint unknown = pool.Allocate(70);
        nint again = pool.AllocateTracked(80);

        Assert.All(pool.EnumerateBlocks(), block => Assert.True(block.Age >= TimeSpan.Zero));
        Assert.Equal(4, pool.GetLiveRecords().Count);
        MemoryFaultException twice = Assert.Throws<MemoryFaultException>(() => pool.FreeSized(kept, 51));
        Assert.Equal(line, twice.Site.Line);
        pool.Dispose();

        Assert.Equal([kept, unknown, again, big], pool.Leaks.Select(leak => leak.Address));
        MemoryFaultRecord leak = pool.Leaks[0];
        Assert.Equal((MemoryFault.Leak, 50L, new OwnerId(4), line), (leak.Fault, leak.SizeBytes, leak.Owner, leak.Site.Line));
        Assert.EndsWith("DualPoolAllocatorTests.cs", leak.Site.File, StringComparison.Ordinal);
        Assert.InRange(leak.AllocatedAt!.Value, start, DateTimeOffset.UtcNow);
        Assert.False(pool.Leaks[1].Site.IsKnown);

        // The first small object commits its chunk, another finds it there, and a large one lies in the other pool: three ways in, each with the place.
        Assert.Equal((80L, line + 5), (pool.Leaks[2].SizeBytes, pool.Leaks[2].Site.Line));
        Assert.Equal((20_000L, line + 2), (pool.Leaks[3].SizeBytes, pool.Leaks[3].Site.Line));
        Assert.Equal(4, pool.GetStatistics().LeakedBlocks);

        static int Line([System.Runtime.CompilerServices.CallerLineNumber] int line = 0) => line;
    }

    [Fact]
    public void An_object_that_moves_keeps_the_place_time_and_owner_of_its_allocation()
    {
        using DualPoolAllocator pool = new(DualPoolPlan.Classic, new DualPoolOptions { TrackAllocations = true });
        nint small = pool.AllocateTracked(50, owner: new OwnerId(4));
        MemoryFaultRecord before = Assert.Single(pool.GetLiveRecords());
        nint big = pool.Reallocate(small, 5_000);
        Assert.NotEqual(small, big);
        MemoryFaultRecord after = Assert.Single(pool.GetLiveRecords());
        Assert.Equal((big, 5_000L, new OwnerId(4), before.Site, before.AllocatedAt), (after.Address, after.SizeBytes, after.Owner, after.Site, after.AllocatedAt));
        pool.Reallocate(big, 40, new OwnerId(6));
        after = Assert.Single(pool.GetLiveRecords());
        Assert.Equal((new OwnerId(6), before.Site, before.AllocatedAt), (after.Owner, after.Site, after.AllocatedAt));
        Assert.Throws<MemoryFaultException>(() => pool.Reallocate(big, 50));
    }

    [Fact]
    public void Tracking_allocates_no_managed_memory_either()
    {
        using DualPoolAllocator pool = new(DualPoolPlan.Classic, new DualPoolOptions { TrackAllocations = true });
        Use();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Use();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Use()
        {
            for (int i = 0; i < 100; i++)
            {
                pool.Free(pool.AllocateTracked(100));
                pool.Free(pool.AllocateTracked(10_000));
            }
        }
    }

    [Fact]
    public void A_damaged_table_is_noticed()
    {
        Damage(pool => pool.Small.State(0)->Live++);
        Damage(pool => pool.Small.State(0)->FreeHead = 2);
        Damage(pool => pool.Big.Free.Set(0, 1, free: true));
        Damage(pool => pool.Big.RecordOf(0)->Blocks = 2);
        Damage(pool => pool.Big.RecordOf(0)->State = BigPool.RunState.Freed);
        Damage(_ => { }, intact: true);

        static void Damage(Action<(SmallPool Small, BigPool Big)> damage, bool intact = false)
        {
            using DualPoolAllocator pool = new(DualPoolPlan.Classic);
            nint[] blocks = [pool.Allocate(10), pool.Allocate(20), pool.Allocate(10_000), pool.Allocate(10_000)];
            pool.Free(blocks[0]);
            damage(pool.Pools);
            Assert.Equal(intact, pool.CheckIntegrity().IsIntact);
        }
    }

    [Fact]
    public void A_damaged_block_is_not_lost_by_reallocating_it()
    {
        using DualPoolAllocator pool = new(DualPoolPlan.Classic);
        nint address = pool.Allocate(100);
        *(byte*)(address + 120) ^= 1;
        Assert.Equal(MemoryFault.Overrun, Assert.Throws<MemoryFaultException>(() => pool.Reallocate(address, 5_000)).Fault);
        Assert.Equal(1, pool.GetStatistics().LiveBlocks);
        Assert.True(pool.Owns(address));
    }
}

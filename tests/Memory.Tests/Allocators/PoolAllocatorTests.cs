using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed class PoolAllocatorTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void An_address_tells_whose_block_is_there_now()
    {
        using PoolAllocator pool = new([new PoolConfig(4096, 64 << 10)], 1 << 20);
        nint address = pool.Allocate(100, owner: new OwnerId(7));
        Assert.Equal((true, new OwnerId(7)), Look(address));
        Assert.Equal((false, OwnerId.None), Look(address + 16));
        Assert.Equal((false, OwnerId.None), Look(0));
        pool.Free(address);
        Assert.Equal((false, OwnerId.None), Look(address));
        Assert.Equal(address, pool.Allocate(100, owner: new OwnerId(-1)));
        Assert.Equal((true, new OwnerId(-1)), Look(address));
        pool.Dispose();
        Assert.Equal((false, OwnerId.None), Look(address));

        (bool Found, OwnerId Owner) Look(nint at) => (pool.TryGetOwner(at, out OwnerId owner), owner);
    }

    [Fact]
    public void The_pool_of_the_catalog_takes_any_size_up_to_a_gibibyte()
    {
        using MemoryAllocator pool = AllocatorCatalog.Create("pool", new AllocatorSettings { CapacityBytes = 4L << 30 });
        nint large = pool.Allocate(1 << 30, 1 << 30);
        nint small = pool.Allocate(1);
        Assert.Equal(((nuint)1 << 30, (nuint)64), (pool.UsableSize(large), pool.UsableSize(small)));
        Assert.Throws<AllocationFailedException>(() => pool.Allocate((1 << 30) + 1));
    }

    [Fact]
    public void Specification_pools_are_the_default()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 280 * MiB);
        Assert.Equal([(4096L, 32 * MiB), (16384L, 128 * MiB), (65536L, 80 * MiB), (262144L, 40 * MiB)], pool.GetPools().Select(p => (p.BlockBytes, p.CapacityBytes)));
        Assert.Equal((0L, 280 * MiB), pool.Usage);
        Assert.Equal(0, pool.GetStatistics().CommittedBytes);
    }

    [Theory]
    [InlineData(1, 16, 4096)]
    [InlineData(4096, 16, 4096)]
    [InlineData(4097, 16, 16384)]
    [InlineData(16384, 16, 16384)]
    [InlineData(16385, 16, 65536)]
    [InlineData(262144, 16, 262144)]
    [InlineData(1, 4096, 4096)]
    [InlineData(1, 8192, 16384)]
    [InlineData(100, 262144, 262144)]
    public void Smallest_pool_that_fits_size_and_alignment_serves(int size, int alignment, int expected)
    {
        using PoolAllocator pool = new(PoolConfig.Default, 280 * MiB);
        for (int i = 0; i < 3; i++)
        {
            nint address = pool.Allocate((nuint)size, (nuint)alignment);
            Assert.Equal((nuint)expected, pool.UsableSize(address));
            Assert.Equal(0, address % Math.Max(alignment, expected));
        }
    }

    [Fact]
    public void Too_large_a_request_names_the_largest_block()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 280 * MiB);
        AllocationFailedException refused = Assert.Throws<AllocationFailedException>(() => pool.Allocate(262_145, owner: new OwnerId(7)));
        Assert.Contains("262,144", refused.Message, StringComparison.Ordinal);
        Assert.Equal((262_145L, 262_144L, new OwnerId(7)), (refused.RequestedBytes, refused.AvailableBytes, refused.Owner));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Allocate(1, 1 << 19));
        Assert.Equal(1, pool.GetStatistics().FailedAllocationCount);
    }

    [Fact]
    public void Exhausted_pool_is_followed_by_the_next_larger_one()
    {
        using PoolAllocator pool = new([new PoolConfig(64, 256), new PoolConfig(256, 512)], MiB);
        List<nuint> usable = [];
        for (int i = 0; i < 6; i++)
        {
            usable.Add(pool.UsableSize(pool.Allocate(10)));
        }

        Assert.Equal([64, 64, 64, 64, 256, 256], usable);
        AllocationFailedException full = Assert.Throws<AllocationFailedException>(() => pool.Allocate(10));
        Assert.Contains("full", full.Message, StringComparison.Ordinal);
        Assert.Equal(0, full.AvailableBytes);
        Assert.False(pool.TryAllocate(10, out _));
    }

    [Fact]
    public void Limit_is_used_to_the_last_block_and_never_exceeded()
    {
        using PoolAllocator pool = new([new PoolConfig(4096, 64 * MiB)], 300 * 1024);
        for (int i = 0; i < 75; i++)
        {
            pool.Allocate(4096);
        }

        LimitExceededException full = Assert.Throws<LimitExceededException>(() => pool.Allocate(4000));
        Assert.Equal((4000L, 300L * 1024, 300L * 1024), (full.RequestedBytes, full.UsedBytes, full.LimitBytes));
        Assert.Equal((300L * 1024, 300L * 1024), pool.Usage);
    }

    [Fact]
    public void Free_chunks_of_one_pool_make_room_for_another()
    {
        MemoryBudget budget = new("shared", MiB);
        using PoolAllocator pool = new([new PoolConfig(4096, 64 * MiB), new PoolConfig(256 << 10, 64 * MiB)], 2 * MiB, budget);
        List<nint> small = [];
        while (pool.TryAllocate(4096, out nint address))
        {
            small.Add(address);
        }

        Assert.Equal(256, small.Count);
        Assert.Equal("shared", Assert.Throws<LimitExceededException>(() => pool.Allocate(256 << 10)).LimitName);
        foreach (nint address in small)
        {
            pool.Free(address);
        }

        Assert.Equal(MiB, budget.UsedBytes);
        pool.Allocate(256 << 10);
        Assert.True(pool.CheckIntegrity().IsIntact);
        Assert.Equal(budget.UsedBytes, pool.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Budget_carries_exactly_what_is_committed_until_dispose()
    {
        MemoryBudget budget = new("shared", 10 * MiB);
        budget.Charge(MiB);
        PoolAllocator pool = new(PoolConfig.Default, 280 * MiB, budget);
        nint first = pool.Allocate(1);
        pool.Allocate(1 << 18);
        Assert.Equal(MiB + pool.GetStatistics().CommittedBytes, budget.UsedBytes);
        Assert.Equal(512 << 10, pool.GetStatistics().CommittedBytes);
        pool.Free(first);
        Assert.Equal(256 << 10, pool.Trim());
        Assert.Equal(MiB + (256 << 10), budget.UsedBytes);
        pool.Dispose();
        Assert.Equal(MiB, budget.UsedBytes);
        Assert.Equal((1L, 256L << 10), (pool.GetStatistics().LeakedBlocks, pool.GetStatistics().LeakedBytes));
    }

    [Fact]
    public void Handler_of_a_pressure_event_may_use_the_allocator()
    {
        MemoryBudget budget = new("shared", 4 * MiB);
        using PoolAllocator pool = new([new PoolConfig(256 << 10, 64 * MiB)], 64 * MiB, budget);
        Stack<nint> evictable = new();
        budget.PressureChanged += (_, e) =>
        {
            if (e.Current == PressureLevel.Eviction)
            {
                pool.Free(evictable.Pop());
                pool.Free(evictable.Pop());
                pool.Trim();
            }
        };

        for (int i = 0; i < 100; i++)
        {
            evictable.Push(pool.Allocate(200_000));
        }

        Assert.True(budget.UsedBytes < 4 * MiB);
        Assert.True(pool.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void No_grow_takes_what_is_committed_and_no_more()
    {
        using PoolAllocator pool = new([new PoolConfig(4096, 64 * MiB), new PoolConfig(16384, 64 * MiB)], 64 * MiB);
        AllocationFailedException refused = Assert.Throws<AllocationFailedException>(() => pool.Allocate(1, options: AllocationOptions.NoGrow));
        Assert.Contains("forbids growing", refused.Message, StringComparison.Ordinal);
        nint large = pool.Allocate(16384);
        Assert.Equal((nuint)16384, pool.UsableSize(pool.Allocate(1, options: AllocationOptions.NoGrow)));
        Assert.Equal(256 << 10, pool.GetStatistics().CommittedBytes);
        pool.Free(large);
    }

    [Fact]
    public void Double_free_names_size_and_owner_of_the_last_life_also_after_trim_and_reset()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 280 * MiB);
        nint address = pool.Allocate(1234, owner: new OwnerId(42));
        pool.Free(address);
        AssertDoubleFree(pool, address);
        pool.Trim();
        AssertDoubleFree(pool, address);
        Assert.Equal(address, pool.Allocate(1234, owner: new OwnerId(42)));
        pool.Reset();
        AssertDoubleFree(pool, address);

        static void AssertDoubleFree(PoolAllocator pool, nint address)
        {
            MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => pool.Free(address));
            Assert.Equal((MemoryFault.DoubleFree, 1234L, new OwnerId(42)), (fault.Fault, fault.SizeBytes, fault.Owner));
        }
    }

    [Fact]
    public void Sized_free_takes_the_size_asked_for_and_no_other()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 280 * MiB);
        nint address = pool.Allocate(1234);
        foreach (nuint wrong in new nuint[] { 0, 1233, 1235, 4096, nuint.MaxValue })
        {
            MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => pool.FreeSized(address, wrong));
            Assert.Equal((MemoryFault.WrongSize, 1234L), (fault.Fault, fault.SizeBytes));
        }

        pool.FreeSized(address, 1234);
        Assert.Equal(0, pool.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Address_of_a_block_that_was_never_handed_out_is_not_a_block()
    {
        using PoolAllocator pool = new([new PoolConfig(4096, 4 * MiB)], 4 * MiB);
        nint address = pool.Allocate(1);
        Assert.Equal(MemoryFault.NotABlockStart, Assert.Throws<MemoryFaultException>(() => pool.Free(address + 4096)).Fault);
        Assert.Equal(MemoryFault.NotABlockStart, Assert.Throws<MemoryFaultException>(() => pool.Free(address + (2 << 20))).Fault);
        Assert.Equal(MemoryFault.ForeignFree, Assert.Throws<MemoryFaultException>(() => pool.Free(address + (4 << 20))).Fault);
        Assert.Equal(MemoryFault.ForeignFree, Assert.Throws<MemoryFaultException>(() => pool.Free(address - 4096)).Fault);
    }

    [Fact]
    public void Blocks_of_one_allocator_are_foreign_to_another()
    {
        using PoolAllocator one = new(PoolConfig.Default, MiB);
        using PoolAllocator other = new(PoolConfig.Default, MiB);
        for (int i = 0; i < 100; i++)
        {
            nint a = one.Allocate(1);
            nint b = other.Allocate(1);
            Assert.Equal(MemoryFault.ForeignFree, Assert.Throws<MemoryFaultException>(() => other.Free(a)).Fault);
            Assert.Equal((true, false), (one.Owns(a), other.Owns(a)));
            one.Free(a);
            other.Free(b);
        }

        Assert.Equal((0L, 0L), (one.Usage.UsedBytes, other.Usage.UsedBytes));
    }

    [Theory]
    [InlineData(32, 4096)]
    [InlineData(100, 4096)]
    [InlineData(64, 0)]
    [InlineData(64, 100)]
    [InlineData(64, 1L << 41)]
    [InlineData(2L << 30, 2L << 30)]
    [InlineData(-64, 4096)]
    public void Configuration_that_is_no_pool_is_refused(long blockBytes, long capacityBytes)
        => Assert.Throws<ArgumentException>(() => new PoolAllocator([new PoolConfig(blockBytes, capacityBytes)], MiB));

    [Fact]
    public void Configuration_out_of_order_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new PoolAllocator([], MiB));
        Assert.Throws<ArgumentException>(() => new PoolAllocator([new PoolConfig(128, 128), new PoolConfig(64, 64)], MiB));
        Assert.Throws<ArgumentException>(() => new PoolAllocator([new PoolConfig(64, 64), new PoolConfig(64, 64)], MiB));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PoolAllocator(PoolConfig.Default, 0));
    }

    [Fact]
    public unsafe void Integrity_check_sees_a_damaged_block_table()
    {
        using PoolAllocator pool = new([new PoolConfig(4096, 4 * MiB)], 4 * MiB);
        nint address = pool.Allocate(1);
        Assert.True(pool.CheckIntegrity().IsIntact);
        BlockPool damaged = pool.Pools[0];
        ulong* word = &damaged.Words[(address - damaged.Blocks) >> damaged.BlockShift];
        *word = BlockWord.ToFree(*word);
        IntegrityReport report = pool.CheckIntegrity();
        Assert.False(report.IsIntact);
        Assert.Contains(report.Violations, v => v.Contains("neither live nor kept as free", StringComparison.Ordinal));
        Assert.Contains(report.Violations, v => v.Contains("is not the", StringComparison.Ordinal));
    }

    [Fact]
    public void Peak_and_metadata_are_reported()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 280 * MiB);
        nint[] blocks = [.. Enumerable.Range(0, 1_000).Select(_ => pool.Allocate(4096))];
        Assert.Equal(1_000 * 4096, pool.GetStatistics().PeakLiveBytes);
        foreach (nint block in blocks)
        {
            pool.Free(block);
        }

        AllocatorStatistics statistics = pool.GetStatistics();
        Assert.Equal((0L, 1_000L * 4096), (statistics.LiveBytes, statistics.PeakLiveBytes));
        Assert.InRange(statistics.MetadataBytes, 1, MiB);
        Assert.True(statistics.ReservedBytes >= 280 * MiB);
    }

    [Fact]
    public void Commit_refused_by_the_system_is_a_failed_allocation_with_its_cause()
    {
        MemoryBudget budget = new("shared", 4 * MiB);
        using PoolAllocator pool = new([new PoolConfig(4096, 4 * MiB)], 4 * MiB, budget);
        NativeFaults.FailNthCommit = 3;
        AllocationFailedException refused = Assert.Throws<AllocationFailedException>(() => pool.Allocate(1));
        Assert.IsType<VirtualMemoryException>(refused.InnerException);
        Assert.Equal(0, NativeFaults.FailNthCommit);
        Assert.Equal((0L, 0L), (budget.UsedBytes, pool.GetStatistics().CommittedBytes));
        pool.Allocate(1);
        Assert.True(pool.CheckIntegrity().IsIntact);
    }
}

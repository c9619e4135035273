namespace DimensionStore.Memory.Tests.Allocators;

public sealed class ObjectCacheModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new ObjectCache("test objects", 200, new ObjectCacheOptions { Alignment = 64, LimitBytes = 128 << 10 });

    protected override int LargestSize => 250;
}

/// <summary>With everything that can be switched on.</summary>
public sealed class WatchedObjectCacheModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new ObjectCache("test objects", 300, new ObjectCacheOptions { Flags = ObjectCacheFlags.RedZones | ObjectCacheFlags.Poison });

    protected override int LargestSize => 300;
}

public sealed unsafe class ObjectCacheTests
{
    [Fact]
    public void Object_whose_constructor_throws_stays_free_and_is_constructed_when_it_is_handed_out()
    {
        bool fails = true;
        using ObjectCache cache = new("test", 48, new ObjectCacheOptions
        {
            Constructor = address => *(long*)address = fails ? throw new InvalidOperationException("not now") : 42,
        });
        for (int i = 0; i < 100; i++)
        {
            Assert.Throws<InvalidOperationException>(() => cache.Allocate());
            Assert.Throws<InvalidOperationException>(() => cache.TryAllocate(48, out _));
        }

        Assert.Equal((0L, 0L), (cache.GetStatistics().LiveBlocks, cache.GetStatistics().LiveBytes));
        fails = false;
        for (int i = 0; i < 500; i++)
        {
            Assert.Equal(42, *(long*)cache.Allocate());
        }

        Assert.Equal(500, cache.GetStatistics().LiveBlocks);
        Assert.True(cache.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Objects_are_constructed_once_and_keep_what_they_hold_until_their_slab_goes()
    {
        int constructed = 0;
        using ObjectCache cache = new("connections", 100, new ObjectCacheOptions
        {
            Constructor = address =>
            {
                constructed++;
                *(long*)address = 42;
            },
        });
        for (int round = 0; round < 3; round++)
        {
            nint[] objects = [.. Enumerable.Range(0, 500).Select(_ => cache.Allocate())];
            Assert.All(objects, address => Assert.Equal(42, *(long*)address));
            Array.ForEach(objects, cache.Free);
        }

        Assert.InRange(constructed, 500, 1_500);
        int before = constructed;
        cache.Trim();
        Assert.Equal(42, *(long*)cache.Allocate());
        Assert.Equal(before + 1, constructed);
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Allocate(1, options: AllocationOptions.Zeroed));
    }

    [Fact]
    public void Slabs_start_at_different_cache_lines_and_objects_keep_their_alignment()
    {
        using ObjectCache cache = new("coloured", 700, new ObjectCacheOptions { Alignment = 64 });
        HashSet<nint> starts = [];
        for (int i = 0; i < 500; i++)
        {
            nint address = cache.Allocate();
            Assert.Equal(0, address % 64);
            starts.Add(address % 4096);
        }

        foreach (MemoryExtent extent in cache.EnumerateExtents())
        {
            Assert.Throws<MemoryFaultException>(() => cache.Free(extent.Address + (nint)extent.Bytes - 16));
        }

        nint[] firsts = [.. cache.EnumerateExtents().Where(extent => extent.Group != "idle").Select(extent => cache.EnumerateBlocks().Min(block => block.Address >= extent.Address ? block.Address : nint.MaxValue) - extent.Address)];
        Assert.True(firsts.Distinct().Count() > 1);
        Assert.True(cache.CheckIntegrity().IsIntact);
    }

    [Theory]
    [InlineData(100, MemoryFault.Overrun)]
    [InlineData(115, MemoryFault.Overrun)]
    [InlineData(-1, MemoryFault.Underrun)]
    [InlineData(-16, MemoryFault.Underrun)]
    public void Writing_beside_an_object_is_found_by_red_zones_and_missed_without(int offset, MemoryFault expected)
    {
        using ObjectCache watched = new("watched", 100, new ObjectCacheOptions { Flags = ObjectCacheFlags.RedZones });
        using ObjectCache plain = new("plain", 100);
        watched.Allocate();
        nint address = watched.Allocate();
        *(byte*)(address + offset) ^= 1;
        Assert.Contains(watched.CheckIntegrity().Violations, violation => violation.Contains(expected.ToString(), StringComparison.Ordinal));
        Assert.Equal((expected, address), Fault(() => watched.Free(address)));
        Assert.True(watched.Owns(address));

        plain.Allocate();
        address = plain.Allocate();
        *(byte*)(address + Math.Max(offset, 0)) ^= 1;
        plain.Free(address);
        Assert.True(plain.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Writing_to_a_free_object_is_found_by_poison_and_missed_without()
    {
        using ObjectCache watched = new("watched", 100, new ObjectCacheOptions { Flags = ObjectCacheFlags.Poison });
        using ObjectCache plain = new("plain", 100);
        nint address = watched.Allocate();
        watched.Free(address);
        *(byte*)(address + 99) = 1;
        Assert.Equal((MemoryFault.UseAfterFree, address), Fault(() => watched.Allocate()));
        Assert.Equal((0L, MemoryFault.DoubleFree), (watched.GetStatistics().LiveBlocks, Fault(() => watched.Free(address)).Kind));
        Assert.Equal(address, watched.Allocate());

        address = plain.Allocate();
        plain.Free(address);
        *(byte*)(address + 99) = 1;
        Assert.Equal(address, plain.Allocate());
    }

    [Fact]
    public void Faults_name_the_object_s_size_and_owner()
    {
        using ObjectCache cache = new("watched", 100, new ObjectCacheOptions { Flags = ObjectCacheFlags.RedZones });
        nint address = cache.Allocate(90, owner: new OwnerId(7));
        *(byte*)(address + 100) ^= 1;
        Expect(MemoryFault.Overrun, () => cache.Free(address));
        Assert.Contains(cache.CheckIntegrity().Violations, violation => violation.Contains($"owner {new OwnerId(7)}", StringComparison.Ordinal));
        *(byte*)(address + 100) ^= 1;
        *(byte*)(address - 1) ^= 1;
        Expect(MemoryFault.Underrun, () => cache.Free(address));
        *(byte*)(address - 1) ^= 1;
        Expect(MemoryFault.WrongSize, () => cache.FreeSized(address, 10));
        Expect(MemoryFault.NotABlockStart, () => cache.Free(address + 16));
        cache.Free(address);
        Expect(MemoryFault.DoubleFree, () => cache.Free(address));

        void Expect(MemoryFault expected, Action action)
        {
            MemoryFaultException fault = Assert.Throws<MemoryFaultException>(action);
            Assert.Equal((expected, 100L, new OwnerId(7)), (fault.Fault, fault.SizeBytes, fault.Owner));
        }
    }

    [Fact]
    public void An_alignment_above_the_objects_is_refused_and_one_that_no_cache_has_is_a_wrong_argument()
    {
        using ObjectCache cache = new("aligned", 100, new ObjectCacheOptions { Alignment = 64 });
        cache.Free(cache.Allocate(100, 64));
        Assert.Throws<AllocationFailedException>(() => cache.Allocate(100, 4096));
        Assert.False(cache.TryAllocate(100, out _, 128));
        foreach (nuint alignment in (nuint[])[8192, 1 << 20, (nuint)1 << 63])
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => cache.Allocate(100, alignment));
            Assert.Throws<ArgumentOutOfRangeException>(() => cache.TryAllocate(100, out _, alignment));
        }

        Assert.Equal(2, cache.GetStatistics().FailedAllocationCount);
    }

    [Fact]
    public void Zeroed_objects_are_zero_and_their_zones_whole()
    {
        using ObjectCache cache = new("watched", 100, new ObjectCacheOptions { Flags = ObjectCacheFlags.RedZones | ObjectCacheFlags.Poison });
        for (int round = 0; round < 3; round++)
        {
            nint[] objects = [.. Enumerable.Range(0, 500).Select(_ => cache.Allocate(100, options: AllocationOptions.Zeroed))];
            Assert.All(objects, address => Assert.Equal(-1, new ReadOnlySpan<byte>((void*)address, 100).IndexOfAnyExcept((byte)0)));
            Assert.True(cache.CheckIntegrity().IsIntact);
            foreach (nint address in objects)
            {
                new Span<byte>((void*)address, 100).Fill(1);
                cache.Free(address);
            }

            cache.Trim();
        }
    }

    [Fact]
    public void A_check_beside_allocations_invents_no_damage()
    {
        using ObjectCache cache = new("watched", 100, new ObjectCacheOptions { Flags = ObjectCacheFlags.RedZones });
        int working = 2;
        ThreadGroup.Run(3, thread =>
        {
            if (thread == 2)
            {
                while (Volatile.Read(ref working) > 0)
                {
                    Assert.Empty(cache.CheckIntegrity().Violations);
                }

                return;
            }

            try
            {
                for (int round = 0; round < 40; round++)
                {
                    nint[] objects = new nint[1_000];
                    for (int i = 0; i < objects.Length; i++)
                    {
                        objects[i] = cache.Allocate(100, options: i % 3 == 0 ? AllocationOptions.Zeroed : AllocationOptions.None);
                    }

                    Array.ForEach(objects, cache.Free);
                    cache.Trim();
                }
            }
            finally
            {
                Interlocked.Decrement(ref working);
            }
        });
    }

    [Theory]
    [InlineData(ObjectCacheFlags.RedZones)]
    [InlineData(ObjectCacheFlags.Poison)]
    [InlineData(ObjectCacheFlags.RedZones | ObjectCacheFlags.Poison)]
    public void A_reset_beside_others_costs_them_their_objects_and_nothing_else(ObjectCacheFlags flags)
    {
        using ObjectCache cache = new("watched", 3_000, new ObjectCacheOptions { Flags = flags });
        int working = 2;
        ThreadGroup.Run(3, thread =>
        {
            if (thread == 2)
            {
                while (Volatile.Read(ref working) > 0)
                {
                    cache.Reset();
                    cache.Trim();
                }

                return;
            }

            try
            {
                for (int i = 0; i < 20_000; i++)
                {
                    nint address = cache.Allocate(3_000, options: i % 5 == 0 ? AllocationOptions.Zeroed : AllocationOptions.None);
                    try
                    {
                        cache.Free(address);
                    }
                    catch (MemoryFaultException e) when (e.Fault is MemoryFault.DoubleFree or MemoryFault.NotABlockStart)
                    {
                        // The reset was first.
                    }
                }
            }
            finally
            {
                Interlocked.Decrement(ref working);
            }
        });
        cache.Reset();
        Assert.Empty(cache.CheckIntegrity().Violations);
        Assert.Equal(0, cache.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Pressure_on_the_budget_makes_the_cache_give_its_free_slabs_back()
    {
        MemoryBudget budget = new("shared", 4 << 20);
        using ObjectCache cache = new("reclaimable", 1000, new ObjectCacheOptions { Budget = budget });
        nint[] objects = [.. Enumerable.Range(0, 2_000).Select(_ => cache.Allocate())];
        Array.ForEach(objects, cache.Free);
        long before = cache.GetStatistics().CommittedBytes;
        Assert.True(before > 0);
        budget.Charge((4 << 20) - before);
        Assert.Equal(0, cache.GetStatistics().CommittedBytes);
        budget.Release((4 << 20) - before);
    }

    [Fact]
    public void Threads_that_exchange_objects_lose_and_invent_nothing()
    {
        using ObjectCache cache = new("shared", 200);
        AllocatorStress.Run(cache, 200);
        Assert.True(cache.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void What_is_no_cache_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new ObjectCache("", 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectCache("x", 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectCache("x", 16_385));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectCache("x", 10, new ObjectCacheOptions { Alignment = 24 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObjectCache("x", 10, new ObjectCacheOptions { LimitBytes = 0 }));
    }

    private static (MemoryFault Kind, nint Address) Fault(Action action)
    {
        MemoryFaultException fault = Assert.Throws<MemoryFaultException>(action);
        return (fault.Fault, fault.Address);
    }
}

using DimensionStore.Memory.Tests.Allocators;
using DimensionStore.Memory.Tests.Diagnostics;

namespace DimensionStore.Memory.Tests.Accounting;

/// <summary>The layer keeps the contract of what is beneath it.</summary>
public sealed class QuotaOverPoolModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new OwnerQuotaLayer(
        new PoolAllocator([new PoolConfig(128, 128 << 10), new PoolConfig(4 << 10, 256 << 10), new PoolConfig(16 << 10, 512 << 10)], 600 << 10),
        new OwnerLedger(defaultLimitBytes: 200_000));
}

public sealed class QuotaOverSegregatedModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new OwnerQuotaLayer(SegregatedAllocator.WithCapacity(600 << 10), new OwnerLedger(defaultLimitBytes: 200_000));
}

/// <summary>Owners over an allocator that has none of its own.</summary>
public sealed unsafe class OwnerQuotaLayerTests
{
    private static readonly OwnerId One = new(1);
    private static readonly OwnerId Two = new(-5);

    [Fact]
    public void Owner_that_nobody_ever_named_is_refused_by_name_and_gets_no_account()
    {
        OwnerQuotaLayer layer = new(new BuddyAllocator());
        layer.Allocate(100, owner: One);
        OwnerId stranger = new(4711);
        Assert.Equal(stranger, Assert.Throws<UnknownOwnerException>(() => layer.FreeOwner(stranger)).Owner);
        Assert.Throws<ArgumentException>(() => layer.FreeOwner(OwnerId.None));
        Assert.Equal(1, layer.Owners.Count);
        Assert.Equal(1, layer.GetStatistics().LiveBlocks);
        layer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => layer.FreeOwner(One));
        Assert.Throws<ObjectDisposedException>(() => layer.GetOwnerBlocks(One));
    }

    [Fact]
    public void Usage_peak_blocks_and_freeing_all_work_over_any_allocator()
    {
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            using OwnerQuotaLayer layer = new(kind.Create(new AllocatorSettings { CapacityBytes = 16 << 20 }));
            nint a = layer.Allocate(100, owner: One);
            nint b = layer.Allocate(50, owner: One);
            layer.Allocate(30, owner: Two);
            layer.Allocate(20);
            Assert.Equal((150L, 2L), (layer.Owners.GetUsage(One).UsedBytes, layer.Owners.GetUsage(One).LiveBlocks));
            Assert.Equal(new[] { a, b }.Order(), layer.GetOwnerBlocks(One).Select(block => block.Address));
            layer.Free(a);
            Assert.Equal((50L, 150L), (layer.Owners.GetUsage(One).UsedBytes, layer.Owners.GetUsage(One).PeakBytes));
            Assert.Equal(50, layer.FreeOwner(One));
            Assert.Equal((0L, 30L, 2L), (layer.Owners.GetUsage(One).UsedBytes, layer.Owners.GetUsage(Two).UsedBytes, layer.GetStatistics().LiveBlocks));
            Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => layer.Free(b)).Fault);
            layer.Reset();
            Assert.Equal(0, layer.Owners.GetUsage(Two).UsedBytes);
        }
    }

    [Fact]
    public void Limit_holds_and_names_the_owner()
    {
        using OwnerQuotaLayer layer = new(new PoolAllocator(PoolConfig.Default, 1 << 20));
        layer.Owners.SetLimit(One, 100);
        nint block = layer.Allocate(60, owner: One);
        LimitExceededException error = Assert.Throws<LimitExceededException>(() => layer.Allocate(41, owner: One));
        Assert.Equal((One, 41L, 60L, 100L), (error.Owner, error.RequestedBytes, error.UsedBytes, error.LimitBytes));
        Assert.False(layer.TryAllocate(41, out _, owner: One));
        Assert.Equal(2, layer.GetStatistics().FailedAllocationCount);
        Assert.Throws<LimitExceededException>(() => layer.Reallocate(block, 101, One));
        Assert.Equal(60, layer.Owners.GetUsage(One).UsedBytes);
        block = layer.Reallocate(block, 100, One);
        Assert.Equal(100, layer.Owners.GetUsage(One).UsedBytes);
        layer.FreeSized(block, 100);
        Assert.Equal(0, layer.Owners.GetUsage(One).UsedBytes);
    }

    [Theory]
    [InlineData("quota")]
    [InlineData("events")]
    [InlineData("latency")]
    [InlineData("diagnostics")]
    [InlineData("segregated")]
    public void A_block_that_is_made_larger_or_moved_stays_its_owners_whoever_asks(string layers)
    {
        OwnerLedger ledger = new();
        MemoryAllocator core = layers == "segregated" ? new SegregatedAllocator(new SegregatedOptions { Owners = ledger }) : new OwnerQuotaLayer(new GeneralAllocator(), ledger);
        using MemoryAllocator allocator = layers switch
        {
            "events" => new EventLayer(core),
            "latency" => new LatencyLayer(core),
            "diagnostics" => new DiagnosticLayer(core, new DiagnosticOptions { QuarantineBytes = 0 }),
            _ => core,
        };
        ledger.SetLimit(One, 100_000);
        nint block = allocator.Allocate(1_000, owner: One);
        nint neighbour = allocator.Allocate(1_000);
        nint moved = allocator.Reallocate(block, 30_000, new OwnerId(2));
        Assert.NotEqual(block, moved);
        Assert.False(ledger.Knows(new OwnerId(2)));
        block = moved;
        Assert.InRange(ledger.GetUsage(One).UsedBytes, 30_000, 30_100);
        Assert.Equal(One, allocator.EnumerateBlocks().Single(info => info.Address == block).Owner);
        Assert.Equal(One, Assert.Throws<LimitExceededException>(() => allocator.Reallocate(block, 200_000)).Owner);
        Assert.InRange(ledger.GetUsage(One).UsedBytes, 30_000, 30_100);
        allocator.Free(neighbour);
        block = allocator.Reallocate(block, 20_000);
        Assert.InRange(ledger.GetUsage(One).UsedBytes, 20_000, 20_100);
        block = allocator.Reallocate(block, 10);
        Assert.InRange(ledger.GetUsage(One).UsedBytes, 10, 100);
        allocator.Free(block);
        Assert.Equal((0L, 0L), (ledger.GetUsage(One).UsedBytes, ledger.GetUsage(One).LiveBlocks));
    }

    [Theory]
    [InlineData("Q")]
    [InlineData("DQ")]
    [InlineData("EDQ")]
    [InlineData("DDQ")]
    [InlineData("LDLQD")]
    [InlineData("QD")]
    public void Owner_freed_by_a_quota_is_free_in_the_layers_around_it_too(string layers)
    {
        foreach (DiagnosticOptions options in (DiagnosticOptions[])[new(), new() { GuardPagesEvery = 2 }, DiagnosticOptions.Tracking])
        {
            OwnerLedger ledger = new();
            using LayerStack stack = new(layers, new GeneralAllocator(64 << 20), ledger, options);
            OwnerQuotaLayer quota = stack.Levels.OfType<OwnerQuotaLayer>().Single();
            DiagnosticLayer[] diagnoses = [.. stack.Levels.OfType<DiagnosticLayer>()];
            nint kept = stack.Top.Allocate(100, owner: new OwnerId(2));
            for (int i = 0; i < 20; i++)
            {
                stack.Top.Free(stack.Top.Allocate(100, alignment: (nuint)16 << (i % 4), owner: One));
                stack.Top.Allocate(200, alignment: (nuint)16 << (i % 4), owner: One);
            }

            Assert.InRange(quota.FreeOwner(One), 20 * 200, 40 * 600);
            Assert.Equal((0L, 0L), (ledger.GetUsage(One).UsedBytes, ledger.GetUsage(One).LiveBlocks));
            Assert.Equal(1, stack.Top.GetStatistics().LiveBlocks);
            Assert.True(stack.Top.CheckIntegrity().IsIntact, string.Join(" ", stack.Top.CheckIntegrity().Violations));

            // The addresses come again, and nothing is left that knows them otherwise.
            nint[] blocks = [.. Enumerable.Range(0, 40).Select(_ => stack.Top.Allocate(200, owner: One))];
            foreach (nint block in blocks)
            {
                new Span<byte>((void*)block, 200).Fill(1);
                stack.Top.Free(block);
            }

            stack.Top.FreeSized(kept, 100);
            stack.Top.Trim();
            Assert.All(diagnoses, diagnosis => Assert.Empty(diagnosis.Findings));
            Assert.All(stack.Levels, level => Assert.Equal(0, level.GetStatistics().LiveBlocks));
        }
    }

    [Fact]
    public void Damage_that_freeing_an_owner_meets_is_a_finding_above_and_an_error_beneath()
    {
        OwnerQuotaLayer quota = new(new GeneralAllocator());
        using DiagnosticLayer above = new(quota);
        *(byte*)(above.Allocate(100, owner: One) + 100) ^= 1;
        above.Allocate(100, owner: One);
        quota.FreeOwner(One);
        Assert.Equal(MemoryFault.Overrun, Assert.Single(above.Findings).Fault);
        Assert.Equal(0, above.GetStatistics().LiveBlocks);

        DiagnosticLayer beneath = new(new GeneralAllocator());
        using OwnerQuotaLayer outer = new(beneath);
        nint block = outer.Allocate(100, owner: One);
        *(byte*)(block + 100) ^= 1;
        Assert.Throws<MemoryFaultException>(() => outer.FreeOwner(One));
        Assert.Equal((100L, 1L), (outer.Owners.GetUsage(One).UsedBytes, beneath.GetStatistics().LiveBlocks));
        *(byte*)(block + 100) ^= 1;
        Assert.Equal(100, outer.FreeOwner(One));
    }

    [Fact]
    public void One_owner_too_many_is_a_limit_and_no_exception_for_who_only_tries()
    {
        OwnerLedger ledger = new();
        for (int owner = 1; owner <= OwnerLedger.MaxOwners; owner++)
        {
            ledger.SetLimit(new OwnerId(owner), 1_000);
        }

        OwnerId last = new(OwnerLedger.MaxOwners + 1);
        foreach (MemoryAllocator allocator in (MemoryAllocator[])[new OwnerQuotaLayer(new PoolAllocator(PoolConfig.Default, 1 << 20), ledger), new SegregatedAllocator(new SegregatedOptions { Owners = ledger })])
        {
            Assert.Equal(last, Assert.Throws<LimitExceededException>(() => allocator.Allocate(16, owner: last)).Owner);
            Assert.False(allocator.TryAllocate(16, out nint address, owner: last));
            Assert.Equal(0, address);
            Assert.Equal(0, allocator.GetStatistics().LiveBlocks);
            Assert.True(allocator.TryAllocate(16, out _, owner: One));
            allocator.Dispose();
        }
    }

    [Fact]
    public void Dispose_beside_a_call_leaves_no_charge_behind()
    {
        OwnerLedger ledger = new();
        foreach (Action<MemoryAllocator, nint> call in (Action<MemoryAllocator, nint>[])
        [
            (allocator, _) => allocator.Allocate(100, owner: One),
            (allocator, _) => allocator.TryAllocate(100, out nint _, owner: One),
            (allocator, block) => allocator.Free(block),
            (allocator, block) => allocator.FreeSized(block, 50),
        ])
        {
            Interrupted inner = new(new PoolAllocator(PoolConfig.Default, 1 << 20));
            OwnerQuotaLayer layer = new(inner, ledger);
            nint block = layer.Allocate(50, owner: One);
            inner.During = layer.Dispose;
            Assert.Throws<ObjectDisposedException>(() => call(layer, block));
            Assert.Equal((0L, 0L), (ledger.GetUsage(One).UsedBytes, ledger.GetUsage(One).LiveBlocks));
        }
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void Block_that_a_reset_freed_is_not_freed_again_when_its_owner_may_not_have_it(bool throws, bool isTaken)
    {
        Interrupted inner = new(new GeneralAllocator(1 << 26));
        using OwnerQuotaLayer layer = new(inner);
        layer.Owners.SetLimit(One, 100);
        layer.Owners.SetLimit(Two, 100);
        nint next = 0;
        inner.During = () =>
        {
            layer.Reset();
            nint first = layer.Allocate(100, owner: One);
            if (isTaken)
            {
                next = first;
                return;
            }

            // At the address nothing is now, and the limit is reached elsewhere.
            next = layer.Allocate(100, owner: Two);
            layer.Free(first);
            layer.Owners.SetLimit(One, 99);
        };
        if (throws)
        {
            Assert.Throws<LimitExceededException>(() => layer.Allocate(100, owner: One));
        }
        else
        {
            Assert.False(layer.TryAllocate(100, out _, owner: One));
        }

        Assert.Equal(next, Assert.Single(layer.EnumerateBlocks()).Address);
        Assert.Equal((isTaken ? 100L : 0L, isTaken ? 0L : 100L), (layer.Owners.GetUsage(One).UsedBytes, layer.Owners.GetUsage(Two).UsedBytes));
        layer.Free(next);
        Assert.Equal(0, layer.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Reset_waits_for_a_request_of_another_thread_so_that_none_it_refuses_stays()
    {
        Interrupted inner = new(new GeneralAllocator(1 << 26));
        using OwnerQuotaLayer layer = new(inner);
        layer.Owners.SetLimit(One, 100);
        Thread resetting = new(layer.Reset);
        inner.Before = () =>
        {
            // Once it waits, or has ended because it did not.
            StartAndAwait(resetting);
            layer.Owners.SetLimit(One, 99);
        };
        Assert.Throws<LimitExceededException>(() => layer.Allocate(100, owner: One));
        resetting.Join();
        Assert.Equal((0L, 0L), (layer.GetStatistics().LiveBlocks, layer.Owners.GetUsage(One).UsedBytes));
    }

    [Fact]
    public void Request_that_begins_during_a_reset_gets_its_block_after_it()
    {
        Interrupted inner = new(new GeneralAllocator(1 << 26));
        using OwnerQuotaLayer layer = new(inner);
        nint block = 0;
        Thread requesting = new(() => block = layer.Allocate(100, owner: One));
        inner.BeforeReset = () =>
        {
            StartAndAwait(requesting);

            // Requests of the resetting thread's own handlers do not wait for it.
            layer.Allocate(50, owner: Two);
        };
        layer.Reset();
        requesting.Join();
        Assert.Equal(block, Assert.Single(layer.EnumerateBlocks()).Address);
        Assert.Equal((100L, 0L), (layer.Owners.GetUsage(One).UsedBytes, layer.Owners.GetUsage(Two).UsedBytes));
    }

    [Fact]
    public void Handler_may_reset_beside_a_reset_that_waits_for_its_request()
    {
        Interrupted inner = new(new GeneralAllocator(1 << 26));
        using OwnerQuotaLayer layer = new(inner);
        Thread resetting = new(layer.Reset);
        inner.Before = () =>
        {
            StartAndAwait(resetting);
            layer.Reset();
            layer.Free(layer.Allocate(100, owner: One));
        };
        layer.Free(layer.Allocate(100, owner: One));
        resetting.Join();
        Assert.Equal((0L, 0L), (layer.GetStatistics().LiveBlocks, layer.Owners.GetUsage(One).UsedBytes));
    }

    private static void StartAndAwait(Thread thread)
    {
        thread.Start();
        SpinWait.SpinUntil(() => !thread.IsAlive || (thread.ThreadState & ThreadState.WaitSleepJoin) != 0);
    }

    [Fact]
    public void Refused_free_leaves_the_block_its_owners()
    {
        using OwnerQuotaLayer layer = new(new PoolAllocator(PoolConfig.Default, 1 << 20));
        nint block = layer.Allocate(60, owner: One);
        Assert.Throws<MemoryFaultException>(() => layer.FreeSized(block, 61));
        Assert.Equal((60L, 1L), (layer.Owners.GetUsage(One).UsedBytes, layer.Owners.GetUsage(One).LiveBlocks));
        Assert.Throws<AllocationFailedException>(() => layer.Allocate(2 << 20, owner: One));
        Assert.Equal((60L, 1L), (layer.Owners.GetUsage(One).UsedBytes, layer.Owners.GetUsage(One).AllocationCount));
        layer.Dispose();
        Assert.Equal(0, layer.Owners.GetUsage(One).UsedBytes);
        Assert.Throws<ObjectDisposedException>(() => layer.Allocate(1, owner: One));
        Assert.Equal(0, layer.Owners.GetUsage(One).UsedBytes);
    }

    [Fact]
    public void Threads_share_owners_and_the_sum_is_exact()
    {
        using OwnerQuotaLayer layer = new(SegregatedAllocator.WithCapacity(64 << 20), new OwnerLedger(1 << 20));
        AllocatorStress.Run(layer, 20_000);
        Assert.All(layer.Owners.GetAll(), usage => Assert.Equal((0L, 0L), (usage.UsedBytes, usage.LiveBlocks)));
    }

    [Fact]
    public void More_owners_than_a_ledger_has_room_for_are_refused()
    {
        OwnerLedger ledger = new();
        for (int owner = 1; owner <= OwnerLedger.MaxOwners; owner++)
        {
            ledger.SetLimit(new OwnerId(owner), 1);
        }

        Assert.Throws<LimitExceededException>(() => ledger.SetLimit(new OwnerId(-1), 1));
        ledger.SetLimit(new OwnerId(7), 2);
        Assert.Equal(OwnerLedger.MaxOwners, ledger.Count);
        Assert.Equal(OwnerLedger.MaxOwners, ledger.GetAll().Count);
        Assert.Throws<ArgumentException>(() => ledger.SetLimit(OwnerId.None, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => ledger.SetLimit(new OwnerId(1), -1));
    }

    /// <summary>Does something once while a call is on its way: what another thread does at the worst moment.</summary>
    private sealed class Interrupted(MemoryAllocator inner) : AllocatorLayer(inner)
    {
        internal Action? During { get; set; }

        internal Action? Before { get; set; }

        internal Action? BeforeReset { get; set; }

        public override void Reset()
        {
            Action? before = BeforeReset;
            BeforeReset = null;
            before?.Invoke();
            Inner.Reset();
        }

        public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
        {
            Action? before = Before;
            Before = null;
            before?.Invoke();
            nint address = Inner.Allocate(size, alignment, options, owner);
            Interrupt();
            return address;
        }

        public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
        {
            bool done = Inner.TryAllocate(size, out address, alignment, options, owner);
            Interrupt();
            return done;
        }

        public override void Free(nint address)
        {
            Interrupt();
            Inner.Free(address);
        }

        public override void FreeSized(nint address, nuint size)
        {
            Interrupt();
            Inner.FreeSized(address, size);
        }

        private void Interrupt()
        {
            Action? during = During;
            During = null;
            during?.Invoke();
        }
    }
}

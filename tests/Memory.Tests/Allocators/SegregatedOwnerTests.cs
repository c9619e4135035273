using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Owners: usage, peaks, limits, blocks, freeing all; their end; handles that were lost.</summary>
public sealed class SegregatedOwnerTests
{
    private static readonly OwnerId One = new(1);
    private static readonly OwnerId Two = new(70_000);

    [Fact]
    public void Usage_peak_counts_and_blocks_are_kept_per_owner()
    {
        using SegregatedAllocator allocator = new();
        nint a = allocator.Allocate(1024, owner: One);
        nint b = allocator.Allocate(2048, owner: One);
        allocator.Allocate(512, owner: Two);
        allocator.Allocate(100);
        OwnerUsage usage = allocator.GetOwnerUsage(One);
        Assert.Equal((3072L, 3072L, 2L), (usage.UsedBytes, usage.PeakBytes, usage.LiveBlocks));
        Assert.Equal([a, b], allocator.GetOwnerBlocks(One).Select(block => block.Address));
        allocator.Free(a);
        usage = allocator.GetOwnerUsage(One);
        Assert.Equal((2048L, 3072L, 1L, 2L, 1L), (usage.UsedBytes, usage.PeakBytes, usage.LiveBlocks, usage.AllocationCount, usage.FreeCount));
        Assert.Equal([One, Two], allocator.Owners.GetAll().Select(owner => owner.Owner));
        Assert.Equal(0, allocator.GetOwnerUsage(new OwnerId(99)).UsedBytes);
    }

    [Fact]
    public void Freeing_an_owner_frees_its_blocks_and_no_others()
    {
        using SegregatedAllocator allocator = new();
        for (int i = 1; i <= 2_000; i++)
        {
            allocator.Allocate((nuint)i, owner: new OwnerId(i % 3));
        }

        long expected = allocator.GetOwnerUsage(One).UsedBytes;
        Assert.Equal(expected, allocator.GetOwnerBlocks(One).Sum(block => block.UsableBytes));
        Assert.Equal(expected, allocator.FreeOwner(One));
        Assert.Equal((0L, 0L), (allocator.GetOwnerUsage(One).UsedBytes, allocator.GetOwnerUsage(One).LiveBlocks));
        Assert.Empty(allocator.GetOwnerBlocks(One));
        Assert.Equal(2_000 - 667, allocator.GetStatistics().LiveBlocks);
        Assert.Equal(0, allocator.FreeOwner(One));
        Assert.True(allocator.CheckIntegrity().IsIntact);
        Assert.Throws<ArgumentException>(() => allocator.FreeOwner(OwnerId.None));
    }

    [Fact]
    public void Owner_that_nobody_ever_named_is_refused_by_name_and_gets_no_account()
    {
        using SegregatedAllocator allocator = new();
        GlobalCollector collector = new(allocator);
        allocator.Allocate(100, owner: One);
        OwnerId stranger = new(4711);
        UnknownOwnerException unknown = Assert.Throws<UnknownOwnerException>(() => allocator.FreeOwner(stranger));
        Assert.Equal((stranger, allocator.Name), (unknown.Owner, unknown.Allocator));
        Assert.Contains("4711", unknown.Message, StringComparison.Ordinal);
        Assert.Equal(stranger, Assert.Throws<UnknownOwnerException>(() => collector.Collect(CollectionStrategy.Targeted(stranger))).Owner);
        Assert.Throws<ArgumentException>(() => CollectionStrategy.Targeted(OwnerId.None));
        Assert.Equal(stranger, Assert.Throws<UnknownOwnerException>(() => allocator.EndOwner(stranger)).Owner);
        Assert.Equal(stranger, Assert.Throws<UnknownOwnerException>(() => allocator.Owners.End(stranger)).Owner);
        Assert.Empty(allocator.GetOwnerBlocks(stranger));
        Assert.Equal(0, allocator.GetOwnerUsage(stranger).UsedBytes);
        Assert.Equal((1, false, true), (allocator.Owners.Count, allocator.Owners.Knows(stranger), allocator.Owners.Knows(One)));

        allocator.SetOwnerLimit(stranger, 1_000);
        Assert.Equal(0, allocator.FreeOwner(stranger));
        Assert.Equal(0, collector.Collect(CollectionStrategy.Targeted(stranger)).FreedBlocks);
        Assert.Equal(1, allocator.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Limit_holds_to_the_byte_and_names_the_owner()
    {
        using SegregatedAllocator allocator = new();
        allocator.SetOwnerLimit(One, 4096);
        nint block = allocator.Allocate(4000, owner: One);
        LimitExceededException refused = Assert.Throws<LimitExceededException>(() => allocator.Allocate(97, owner: One));
        Assert.Equal((One, 97L, 4000L, 4096L), (refused.Owner, refused.RequestedBytes, refused.UsedBytes, refused.LimitBytes));
        Assert.False(allocator.TryAllocate(97, out _, owner: One));
        allocator.Allocate(96, owner: One);
        allocator.Allocate(97, owner: Two);
        allocator.Allocate(97);
        allocator.Free(block);
        allocator.Allocate(4000, owner: One);
        Assert.Equal((2L, 4096L), (allocator.GetOwnerUsage(One).RefusedCount, allocator.GetOwnerUsage(One).PeakBytes));
        Assert.Equal(2, allocator.GetStatistics().FailedAllocationCount);
    }

    [Fact]
    public void One_ledger_limits_owners_over_several_allocators()
    {
        OwnerLedger ledger = new(defaultLimitBytes: 1_000);
        using SegregatedAllocator a = new(new SegregatedOptions { CapacityBytes = 1 << 20, Owners = ledger });
        using SegregatedAllocator b = new(new SegregatedOptions { CapacityBytes = 1 << 20, Owners = ledger });
        a.Allocate(512, owner: One);
        b.Allocate(480, owner: One);
        Assert.Throws<LimitExceededException>(() => a.Allocate(16, owner: One));
        b.Reset();
        a.Allocate(16, owner: One);
        a.Dispose();
        Assert.Equal(0, ledger.GetUsage(One).UsedBytes);
    }

    [Fact]
    public void Failed_allocation_leaves_the_account_as_it_was()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(1 << 20);
        Assert.Throws<AllocationFailedException>(() => allocator.Allocate(2 << 20, owner: One));
        allocator.Allocate(1 << 19, owner: One);
        Assert.Throws<AllocationFailedException>(() => allocator.Allocate(1 << 20, owner: One));
        OwnerUsage usage = allocator.GetOwnerUsage(One);
        Assert.Equal((1L << 19, 1L, 1L), (usage.UsedBytes, usage.LiveBlocks, usage.AllocationCount));
    }

    [Fact]
    public void Refused_commit_of_an_owners_tag_leaves_everything_as_it_was_for_every_N()
    {
        for (int n = 1; ; n++)
        {
            using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(4 << 20);
            NativeFaults.FailNthCommit = n;
            bool allocated = allocator.TryAllocate(100, out nint address, owner: One);
            bool hit = NativeFaults.FailNthCommit == 0;
            NativeFaults.FailNthCommit = 0;
            Assert.Equal(!hit, allocated);
            Assert.Equal(allocated ? 112 : 0, allocator.GetOwnerUsage(One).UsedBytes);
            Assert.Equal(allocated ? 1 : 0, allocator.GetStatistics().LiveBlocks);
            Assert.True(allocator.CheckIntegrity().IsIntact);
            if (!hit)
            {
                Assert.True(n > 3, "Heap, tables and tag were expected to be committed one by one.");
                return;
            }
        }
    }

    [Fact]
    public void Guards_know_their_owner()
    {
        using SegregatedAllocator allocator = new();
        using (BlockGuard guard = allocator.AllocateGuarded(4096, owner: One))
        {
            Assert.Equal(guard.Address, allocator.GetOwnerBlocks(One).Single().Address);
        }

        Assert.Equal((0L, 4096L), (allocator.GetOwnerUsage(One).UsedBytes, allocator.GetOwnerUsage(One).PeakBytes));
    }

    [Fact]
    public void Blocks_of_ended_owners_are_collected_and_those_of_living_ones_never()
    {
        using SegregatedAllocator allocator = new();
        allocator.RegisterOwner(One);
        allocator.Allocate(1_000, owner: One);
        allocator.Allocate(2_000, owner: Two);
        Assert.Equal(0, allocator.ForceCollect().ReclaimedBlocks);
        Assert.True(allocator.EndOwner(One));
        Assert.False(allocator.EndOwner(One));
        Assert.Equal(One, Assert.Throws<LimitExceededException>(() => allocator.Allocate(1, owner: One)).Owner);
        CollectionResult result = allocator.Collect();
        Assert.Equal((1L, 1008L, 1), (result.ReclaimedBlocks, result.ReclaimedBytes, result.OwnersCleaned));
        Assert.Equal(2_000, allocator.GetStatistics().LiveBytes);
        allocator.RegisterOwner(One);
        allocator.Allocate(1, owner: One);
        Assert.Equal(0, allocator.ForceCollect().ReclaimedBlocks);
    }

    [Fact]
    public void Owner_ends_when_its_callback_says_so()
    {
        using SegregatedAllocator allocator = new();
        bool alive = true;
        allocator.RegisterOwner(One, isAlive: () => alive);
        allocator.Allocate(1_000, owner: One);
        Assert.Equal(0, allocator.ForceCollect().ReclaimedBlocks);
        alive = false;
        Assert.Equal(1, allocator.ForceCollect().ReclaimedBlocks);
        Assert.True(allocator.GetOwnerUsage(One).HasEnded);
    }

    [Fact]
    public void Owner_ends_when_its_lifetime_object_is_lost()
    {
        using SegregatedAllocator allocator = new();
        object held = new();
        allocator.RegisterOwner(Two, lifetime: held);
        allocator.Allocate(10, owner: Two);
        RegisterAndForget(allocator);
        CollectGarbage();
        Assert.Equal((1L, 1), (allocator.ForceCollect().ReclaimedBlocks, (int)allocator.GetStatistics().LiveBlocks));
        GC.KeepAlive(held);
    }

    [Fact]
    public void Lost_handle_makes_its_block_collectable_and_a_held_one_does_not()
    {
        using SegregatedAllocator allocator = new();
        using CollectableBlock held = allocator.AllocateCollectable(1_000, owner: One);
        held.Span.Fill(7);
        AllocateAndForget(allocator);
        CollectGarbage();
        CollectionResult result = allocator.ForceCollect();
        Assert.Equal((1L, 2_000L), (result.ReclaimedBlocks, result.ReclaimedBytes));
        Assert.Equal(-1, held.Span.IndexOfAnyExcept((byte)7));
        Assert.Equal(1, allocator.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Handle_frees_its_block_once_and_never_a_later_one_at_its_address()
    {
        using SegregatedAllocator allocator = new();
        CollectableBlock block = allocator.AllocateCollectable(100, owner: One);
        nint address = block.Address;
        allocator.FreeOwner(One);
        Assert.Equal(address, allocator.Allocate(100));
        block.Dispose();
        block.Dispose();
        Assert.True(allocator.Owns(address));
        Assert.Throws<ObjectDisposedException>(() => block.Span.Length);
        allocator.Free(address);
        using (allocator.AllocateCollectable(100))
        {
        }

        Assert.Equal(0, allocator.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Owner_blocks_and_other_blocks_do_not_inherit_tags()
    {
        using SegregatedAllocator allocator = new();
        nint address = allocator.Allocate(100, owner: One);
        allocator.Free(address);
        Assert.Equal(address, allocator.Allocate(100));
        Assert.Equal(OwnerId.None, allocator.EnumerateBlocks().Single().Owner);
        Assert.Empty(allocator.GetOwnerBlocks(One));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RegisterAndForget(SegregatedAllocator allocator)
    {
        allocator.RegisterOwner(One, lifetime: new object());
        allocator.Allocate(1_000, owner: One);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [Fact]
    public void Handle_whose_block_was_freed_with_its_owner_before_it_was_handed_out_leaves_the_next_block_alone()
    {
        using SegregatedAllocator allocator = new();
        allocator.Observer = new OwnerEnder();
        CollectableBlock handle = allocator.AllocateCollectable(100, owner: One);
        allocator.Observer = null;
        nint next = allocator.Allocate(100, owner: Two);
        Assert.Equal(handle.Address, next);
        handle.Dispose();
        Assert.True(allocator.Owns(next));
        allocator.Free(next);
    }

    private static void AllocateAndForget(SegregatedAllocator allocator) => allocator.AllocateCollectable(2_000, owner: Two).Span.Clear();

    private static void CollectGarbage()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }

    /// <summary>Frees all of an owner as soon as it has a block, as another thread may.</summary>
    private sealed class OwnerEnder : IAllocatorObserver
    {
        public void OnAllocated(MemoryAllocator allocator, nint address, long bytes, OwnerId owner) => ((SegregatedAllocator)allocator).FreeOwner(owner);

        public void OnFreed(MemoryAllocator allocator, nint address, long bytes, OwnerId owner)
        {
        }

        public void OnAllocationFailed(MemoryAllocator allocator, long requestedBytes, long availableBytes, OwnerId owner)
        {
        }

        public void OnPressureChanged(MemoryAllocator allocator, PressureLevel previous, PressureLevel current, double usagePercent)
        {
        }

        public void OnCollected(MemoryAllocator allocator, long freedBlocks, long freedBytes, TimeSpan duration)
        {
        }

        public void OnFault(MemoryAllocator allocator, MemoryFaultException fault)
        {
        }
    }
}

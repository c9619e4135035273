namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>A request that is refused counts once, at every layer that it came through, and changes nothing else.</summary>
public sealed unsafe class RefusedRequestTests
{
    private const long Capacity = 1 << 20;
    private static readonly OwnerId One = new(1);

    public static TheoryData<string> Allocators => [.. AllocatorCatalog.All.Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Allocators))]
    public void Refusal_for_want_of_memory_counts_once_at_every_layer(string name)
    {
        foreach (string order in LayerStack.Orders)
        {
            OwnerLedger owners = new();
            using LayerStack stack = new(order, Create(name), owners);
            nint block = stack.Top.Allocate(1_000, owner: One);
            new Span<byte>((void*)block, 1_000).Fill(7);
            for (int i = 0; i < 20; i++)
            {
                // What lies in quarantine, so that a request is made anew when that is empty.
                stack.Top.Free(stack.Top.Allocate(1_000));
            }

            foreach (Action request in Requests(stack.Top, block, (nuint)Capacity * 3 / 2))
            {
                // Twice: the first may empty the quarantine, and so change what is live beneath; the second has nothing to change.
                foreach (bool isExact in (bool[])[false, true])
                {
                    AllocatorStatistics[] before = Snapshots(stack);
                    OwnerUsage[] usage = [.. owners.GetAll()];
                    request();
                    Compare(order, before, Snapshots(stack), isExact, from: 0);
                    Assert.Equal(usage, owners.GetAll());
                }
            }

            Assert.Equal(-1, new ReadOnlySpan<byte>((void*)block, 1_000).IndexOfAnyExcept((byte)7));
            Assert.True(stack.Top.CheckIntegrity().IsIntact);
            stack.Top.FreeSized(block, 1_000);
            Assert.Equal(0, stack.Top.GetStatistics().LiveBlocks);
        }
    }

    [Theory]
    [MemberData(nameof(Allocators))]
    public void Refusal_for_an_owners_limit_counts_once_at_the_quota_and_above(string name)
    {
        foreach (string order in LayerStack.Orders.Where(order => order.Contains('Q', StringComparison.Ordinal)))
        {
            OwnerLedger owners = new();
            using LayerStack stack = new(order, Create(name), owners);
            int quota = stack.Levels.FindIndex(level => level is OwnerQuotaLayer);
            nint block = stack.Top.Allocate(1_000, owner: One);
            stack.Top.Free(stack.Top.Allocate(100, owner: One));
            new Span<byte>((void*)block, 1_000).Fill(7);
            owners.SetLimit(One, 3_000);
            foreach (Action request in Requests(stack.Top, block, 5_000))
            {
                foreach (bool isExact in (bool[])[false, true])
                {
                    AllocatorStatistics[] before = Snapshots(stack);
                    OwnerUsage usage = owners.GetUsage(One);
                    request();
                    Compare(order, before, Snapshots(stack), isExact, quota);
                    Assert.Equal(usage.RefusedCount + 1, owners.GetUsage(One).RefusedCount);
                    if (isExact)
                    {
                        Assert.Equal(usage with { RefusedCount = usage.RefusedCount + 1 }, owners.GetUsage(One));
                    }
                }
            }

            Assert.Equal(-1, new ReadOnlySpan<byte>((void*)block, 1_000).IndexOfAnyExcept((byte)7));
            stack.Top.FreeSized(block, 1_000);
            stack.Top.Trim();
            Assert.Equal((0L, 0L), (owners.GetUsage(One).UsedBytes, owners.GetUsage(One).LiveBlocks));
        }
    }

    [Fact]
    public void Owner_within_the_segregated_allocator_is_refused_once_through_any_layer()
    {
        foreach (string order in LayerStack.Orders.Where(order => !order.Contains('Q', StringComparison.Ordinal)))
        {
            OwnerLedger owners = new();
            using LayerStack stack = new(order, new SegregatedAllocator(new SegregatedOptions { CapacityBytes = Capacity, Owners = owners }), owners);
            nint block = stack.Top.Allocate(1_000, owner: One);
            stack.Top.Free(stack.Top.Allocate(100, owner: One));
            owners.SetLimit(One, 3_000);
            foreach (Action request in Requests(stack.Top, block, 5_000))
            {
                AllocatorStatistics[] before = Snapshots(stack);
                long refused = owners.GetUsage(One).RefusedCount;
                request();
                Compare(order, before, Snapshots(stack), isExact: false, from: 0);
                Assert.Equal(refused + 1, owners.GetUsage(One).RefusedCount);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Allocators))]
    public void Block_that_can_change_its_size_in_place_does_so_in_a_full_allocator_under_any_layers(string name)
    {
        bool[] bare = Resized(Create(name), out bool[] succeeds);
        foreach (string order in LayerStack.Orders)
        {
            using LayerStack stack = new(order, Create(name), new OwnerLedger());
            bool[] stays = Resized(stack.Top, out bool[] done);
            for (int i = 0; i < bare.Length; i++)
            {
                // Where it stays without layers it stays with them.
                Assert.True(!bare[i] || stays[i], $"{order}: resize {i} moved or failed, and stays in place without layers");
                Assert.True(!succeeds[i] || done[i], $"{order}: resize {i} failed");
            }

            Assert.True(stack.Top.CheckIntegrity().IsIntact, $"{order}: {string.Join(" ", stack.Top.CheckIntegrity().Violations)}");
        }
    }

    /// <summary>Fills all but a large block with small ones, and makes that one smaller and larger.</summary>
    private static bool[] Resized(MemoryAllocator memory, out bool[] done)
    {
        nint block = memory.Allocate(400_000, owner: One);
        while (memory.TryAllocate(2_000, out _))
        {
        }

        *(long*)block = 1234567;
        nuint[] sizes = [300_000, 130_000, 120_000, 50_000, 49_000, 100_000];
        done = new bool[sizes.Length];
        bool[] stays = new bool[sizes.Length];
        for (int i = 0; i < sizes.Length; i++)
        {
            try
            {
                nint moved = memory.Reallocate(block, sizes[i]);
                (done[i], stays[i]) = (true, moved == block);
                block = moved;
            }
            catch (MemoryToolkitException)
            {
                // As it would be without layers, or not: that is what is compared.
            }

            Assert.Equal(1234567, *(long*)block);
        }

        return stays;
    }

    private static MemoryAllocator Create(string name) => AllocatorCatalog.Create(name, new AllocatorSettings { CapacityBytes = Capacity });

    private static AllocatorStatistics[] Snapshots(LayerStack stack) => [.. stack.Levels.Select(level => level.GetStatistics())];

    private static IEnumerable<Action> Requests(MemoryAllocator memory, nint block, nuint size) =>
    [
        () => Assert.ThrowsAny<MemoryToolkitException>(() => memory.Reallocate(block, size)),
        () => Assert.ThrowsAny<MemoryToolkitException>(() => memory.Reallocate(block, size, One)),
        () => Assert.ThrowsAny<MemoryToolkitException>(() => memory.Allocate(size, owner: One)),
        () => Assert.False(memory.TryAllocate(size, out _, owner: One)),
        () => Assert.ThrowsAny<MemoryToolkitException>(() => memory.Allocate(size, owner: One, options: AllocationOptions.Zeroed, alignment: 64)),
    ];

    private static void Compare(string order, AllocatorStatistics[] before, AllocatorStatistics[] after, bool isExact, int from)
    {
        for (int level = 0; level < before.Length; level++)
        {
            long more = after[level].FailedAllocationCount - before[level].FailedAllocationCount;
            Assert.True(more == (level < from ? 0 : 1), $"{order}: level {level} from the bottom counted {more} failures");
            if (isExact || level == before.Length - 1)
            {
                Assert.Equal(Kept(before[level]), Kept(after[level]));
            }
        }
    }

    private static (long, long, long, long, long, long) Kept(AllocatorStatistics s) => (s.LiveBytes, s.RequestedBytes, s.PeakLiveBytes, s.LiveBlocks, s.AllocationCount, s.FreeCount);
}

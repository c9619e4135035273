using DimensionStore.Memory.Tests.Diagnostics;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Where the GC heap is full just when a block is noted or its note is taken back: the call fails and nothing has changed, or it is done; no block is lost.</summary>
public sealed class FullHeapTests
{
    private const int Steps = 1_500;
    private static readonly OwnerId One = new(1);

    [Theory]
    [InlineData("Q", "general", true)]
    [InlineData("QD", "general", true)]
    [InlineData("DQ", "general", true)]
    [InlineData("Q", "segregated", true)]
    [InlineData("D", "general", false)]
    [InlineData("LQ", "reserve", true)]
    [InlineData("", "reserve", true)]
    [InlineData("", "recorded", false)]
    public void No_block_is_lost(string layers, string core, bool mayFail)
    {
        string file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        OwnerLedger ledger = new();
        using GeneralAllocator source = new(64 << 20);
        MemoryAllocator bottom = core switch
        {
            "segregated" => SegregatedAllocator.WithCapacity(16 << 20),
            "reserve" => new ReservePool(source, 4_096, 3),
            "recorded" => new TraceRecordingLayer(new GeneralAllocator(64 << 20), file),
            _ => new GeneralAllocator(64 << 20),
        };
        using LayerStack stack = new(layers, bottom, ledger, new DiagnosticOptions { StackEvery = 1, QuarantineBytes = 0 });
        MemoryAllocator top = stack.Top;
        Random random = new(7);
        List<(nint Address, nuint Size)> blocks = [];
        int refusals = 0;
        int growths = 0;
        for (int step = 0; step < Steps; step++)
        {
            Action action = Choose(top, blocks, random, step < Steps / 2 ? 6 : 3, core != "reserve");
            for (int n = 1; ; n++)
            {
                (long, long, long, long) before = Figures(top, source, ledger);
                TableRoom.FailNthGrowth = n;
                bool isRefused = false;
                bool hasFailed;
                try
                {
                    action();
                }
                catch (OutOfMemoryException)
                {
                    isRefused = true;
                }
                finally
                {
                    hasFailed = TableRoom.FailNthGrowth < 0;
                    TableRoom.FailNthGrowth = 0;
                }

                growths += hasFailed ? 1 : 0;
                if (!isRefused)
                {
                    break;
                }

                refusals++;
                Assert.Equal(before, Figures(top, source, ledger));
            }

            Assert.Equal(blocks.Count, top.GetStatistics().LiveBlocks);
            if (layers.Contains('Q', StringComparison.Ordinal))
            {
                Assert.Equal(blocks.Count, ledger.GetUsage(One).LiveBlocks);
            }
        }

        Assert.Equal(mayFail, refusals > 0);
        Assert.NotEqual(0, growths);
        Assert.True(top.CheckIntegrity().IsIntact, string.Join(" ", top.CheckIntegrity().Violations));
        foreach ((nint address, nuint size) in blocks)
        {
            top.FreeSized(address, size);
        }

        Assert.All(stack.Levels, level => Assert.Equal(0, level.GetStatistics().LiveBlocks));
        Assert.Equal((0L, 0L), (ledger.GetUsage(One).UsedBytes, ledger.GetUsage(One).LiveBlocks));
        if (bottom is ReservePool pool)
        {
            Assert.Equal(pool.GetReserve().AvailableElements, source.GetStatistics().LiveBlocks);
        }
    }

    [Fact]
    public void Reserve_that_cannot_be_resized_emptied_or_given_back_is_as_it_was()
    {
        using BuddyAllocator buddy = new();
        ReservePool pool = new(buddy, 4_096, 3);
        nint[] elements = [.. Enumerable.Range(0, 40).Select(_ => pool.Allocate())];
        int refusals = 0;
        foreach (Action action in (Action[])[() => pool.Resize(30), () => pool.Resize(2), pool.Reset, () => pool.Resize(60)])
        {
            for (int n = 1; ; n++)
            {
                (ReserveStatistics, long, long) before = (pool.GetReserve(), pool.GetStatistics().LiveBlocks, buddy.GetStatistics().LiveBlocks);
                TableRoom.FailNthGrowth = n;
                try
                {
                    action();
                    break;
                }
                catch (OutOfMemoryException)
                {
                    refusals++;
                    Assert.Equal(before, (pool.GetReserve(), pool.GetStatistics().LiveBlocks, buddy.GetStatistics().LiveBlocks));
                }
                finally
                {
                    TableRoom.FailNthGrowth = 0;
                }
            }
        }

        Assert.True(refusals >= 4, $"{refusals} growths failed.");
        Assert.Equal((60, 60L), (pool.GetReserve().AvailableElements, buddy.GetStatistics().LiveBlocks));
        Assert.All(elements, element => Assert.False(pool.Owns(element)));
        pool.Dispose();
        Assert.Equal(0, buddy.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Owner_of_an_event_is_forgotten_rather_than_the_block()
    {
        BlockOwners owners = new();
        for (int i = 1; i <= 1_000; i++)
        {
            TableRoom.FailNthGrowth = 1;
            try
            {
                owners.Set(i * 16, One);
            }
            finally
            {
                TableRoom.FailNthGrowth = 0;
            }

            Assert.Equal(OwnerId.None, owners.Take(i * 16));
        }

        owners.Set(16, One);
        Assert.Equal(One, owners.Take(16));
        Assert.True(owners.IsEmpty);
    }

    [Fact]
    public void Block_of_a_handle_is_not_lost_and_no_owner_is_charged_for_it()
    {
        using SegregatedAllocator heap = SegregatedAllocator.WithCapacity(1 << 20);
        List<CollectableBlock> blocks = [];
        int refusals = 0;
        while (blocks.Count < 200)
        {
            (long, long, int) before = (heap.GetStatistics().LiveBlocks, heap.GetOwnerUsage(One).UsedBytes, heap.Owners.Count);
            TableRoom.FailNthGrowth = 1;
            try
            {
                blocks.Add(heap.AllocateCollectable(100, owner: One));
            }
            catch (OutOfMemoryException)
            {
                refusals++;
                TableRoom.FailNthGrowth = 0;
                Assert.Equal(before, (heap.GetStatistics().LiveBlocks, heap.GetOwnerUsage(One).UsedBytes, heap.Owners.Count));
                blocks.Add(heap.AllocateCollectable(100, owner: One));
            }
            finally
            {
                TableRoom.FailNthGrowth = 0;
            }
        }

        Assert.InRange(refusals, 2, 20);
        blocks.ForEach(block => block.Dispose());
        Assert.Equal((0L, 0L), (heap.GetStatistics().LiveBlocks, heap.GetOwnerUsage(One).UsedBytes));
    }

    /// <summary>What to do, chosen once, so that it can be tried again: an allocation, a free, a free with a wrong size, or a resizing that moves the block.</summary>
    private static Action Choose(MemoryAllocator top, List<(nint Address, nuint Size)> blocks, Random random, int allocations, bool mayMove)
    {
        int kind = blocks.Count == 0 ? 0 : random.Next(10);
        int index = blocks.Count == 0 ? 0 : random.Next(blocks.Count);
        nuint size = (nuint)random.Next(1, 400);
        return kind < allocations ? () => blocks.Add((top.Allocate(size, owner: One), size))
            : kind == 8 ? () => Assert.Throws<MemoryFaultException>(() => top.FreeSized(blocks[index].Address, blocks[index].Size + 5_000))
            : kind == 9 && mayMove ? () => blocks[index] = (top.Reallocate(blocks[index].Address, size * 4, One), size * 4)
            : () =>
            {
                top.FreeSized(blocks[index].Address, blocks[index].Size);
                blocks.RemoveAt(index);
            };
    }

    private static (long Live, long Beneath, long Used, long Owned) Figures(MemoryAllocator top, GeneralAllocator source, OwnerLedger ledger)
    {
        OwnerUsage usage = ledger.GetUsage(One);
        return (top.GetStatistics().LiveBlocks, source.GetStatistics().LiveBlocks, usage.UsedBytes, usage.AllocationCount);
    }
}

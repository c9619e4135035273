namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>The control of the price of naming faults: compiled without, the same free does not notice them. What is measured against is not the same thing twice.</summary>
public sealed class FreeFaultsTests
{
    [Fact]
    public void A_double_free_is_named_by_the_product_and_missed_by_the_control()
    {
        using SlabAllocator slab = new(1 << 20);
        nint block = slab.Allocate(64);
        slab.FreeBy<FaultsUnseen>(block);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => slab.Free(block)).Fault);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => slab.FreeBy<FaultsNamed>(block)).Fault);
        Assert.True(slab.CheckIntegrity().IsIntact);

        Assert.Null(Record.Exception(() => slab.FreeBy<FaultsUnseen>(block)));
    }

    [Fact]
    public void Frees_without_a_fault_do_the_same_with_and_without()
    {
        using SlabAllocator named = new(1 << 20);
        using SlabAllocator unseen = new(1 << 20);
        Random random = new(5);
        List<(nint Named, nint Unseen)> live = [];
        for (int i = 0; i < 20_000; i++)
        {
            if (live.Count < 100 || (random.Next(2) == 0 && live.Count < 400))
            {
                nuint size = (nuint)random.Next(1, 1000);
                live.Add((named.Allocate(size), unseen.Allocate(size)));
            }
            else
            {
                int which = random.Next(live.Count);
                named.FreeBy<FaultsNamed>(live[which].Named);
                unseen.FreeBy<FaultsUnseen>(live[which].Unseen);
                live.RemoveAt(which);
            }
        }

        Assert.True(unseen.CheckIntegrity().IsIntact);
        Assert.Equal(named.GetStatistics(), unseen.GetStatistics());
    }
}

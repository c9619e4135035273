namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What the reservation under an allocator owes its budget when it is disposed in the middle of something.</summary>
public sealed class BlockMemoryTests
{
    private const long Page = 64 << 10;
    private const long OfOthers = 10 * Page;

    private readonly MemoryBudget _budget = new("budget", 100 * Page);

    public BlockMemoryTests() => _budget.Charge(OfOthers);

    [Fact]
    public void A_refund_that_comes_after_disposing_gives_nothing_back_twice()
    {
        BlockMemory memory = New();
        Assert.True(memory.TryCharge(3 * Page));
        memory.Commit(memory.Start, 3 * Page);
        Assert.True(memory.TryDecommit(memory.Start, 2 * Page));
        memory.Dispose();
        memory.Refund(2 * Page);

        Assert.Equal(OfOthers, _budget.UsedBytes);
        Assert.Equal((0, 0, 0), (memory.ChargedBytes, memory.CommittedBytes, memory.ReservedBytes));
        memory.Dispose();
        Assert.Equal(OfOthers, _budget.UsedBytes);
    }

    [Fact]
    public void A_charge_during_which_it_is_disposed_leaves_nothing_charged()
    {
        BlockMemory memory = New();
        Assert.True(memory.TryCharge(Page));
        bool disposed = false;
        _budget.PressureChanged += (_, _) =>
        {
            disposed = true;
            memory.Dispose();
        };

        Assert.True(memory.TryCharge(80 * Page));
        Assert.True(disposed);
        memory.Refund(80 * Page);
        Assert.Equal(OfOthers, _budget.UsedBytes);
    }

    [Fact]
    public void Charges_and_refunds_of_many_threads_around_disposing_add_up()
    {
        for (int round = 0; round < 200; round++)
        {
            BlockMemory memory = New();
            using Barrier start = new(3);
            ThreadGroup.Run(3, thread =>
            {
                start.SignalAndWait(TestContext.Current.CancellationToken);
                if (thread == 0)
                {
                    memory.Dispose();
                    return;
                }

                for (int i = 0; i < 20; i++)
                {
                    if (memory.TryCharge(Page))
                    {
                        memory.Refund(Page);
                    }
                }
            });

            Assert.Equal(OfOthers, _budget.UsedBytes);
            Assert.Equal(0, memory.ChargedBytes);
        }
    }

    private BlockMemory New() => new("test", 100 * Page, Page, 100 * Page, _budget);
}

namespace DimensionStore.Memory.Tests.Accounting;

public sealed class MemoryBudgetTests
{
    [Fact]
    public void Charges_never_exceed_the_limit_and_a_refused_charge_changes_nothing()
    {
        MemoryBudget budget = new("test", 1_000);
        Assert.True(budget.TryCharge(1_000));
        Assert.False(budget.TryCharge(1));
        LimitExceededException refused = Assert.Throws<LimitExceededException>(() => budget.Charge(1));
        Assert.Equal(("test", 1L, 1_000L, 1_000L), (refused.LimitName, refused.RequestedBytes, refused.UsedBytes, refused.LimitBytes));
        Assert.Equal(1_000, budget.UsedBytes);
        budget.Release(1_000);
        Assert.Equal((0L, 1_000L, 1_000L), (budget.UsedBytes, budget.PeakBytes, budget.AvailableBytes));
        Assert.False(budget.TryCharge(long.MaxValue));
    }

    [Fact]
    public void More_than_is_charged_cannot_be_released()
    {
        MemoryBudget budget = new("test", 1_000);
        budget.Charge(10);
        Assert.Throws<InvalidOperationException>(() => budget.Release(11));
        Assert.Equal(10, budget.UsedBytes);
        Assert.Throws<ArgumentOutOfRangeException>(() => budget.Release(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => budget.TryCharge(-1));
    }

    [Theory]
    [InlineData(749, PressureLevel.Normal)]
    [InlineData(750, PressureLevel.Warning)]
    [InlineData(849, PressureLevel.Warning)]
    [InlineData(850, PressureLevel.Eviction)]
    [InlineData(949, PressureLevel.Eviction)]
    [InlineData(950, PressureLevel.Critical)]
    [InlineData(1_000, PressureLevel.Critical)]
    public void Thresholds_include_their_own_value(long used, PressureLevel expected)
    {
        MemoryBudget budget = new("test", 1_000);
        budget.Charge(used);
        Assert.Equal(expected, budget.Pressure);
    }

    [Fact]
    public void Each_crossing_is_raised_once_in_both_directions()
    {
        MemoryBudget budget = new("test", 1_000);
        List<string> raised = [];
        budget.PressureChanged += (_, e) => raised.Add($"{e.Previous}>{e.Current} {e.UsedBytes}");
        budget.Charge(700);
        budget.Charge(100);
        budget.Charge(10);
        budget.Charge(150);
        budget.Release(110);
        budget.Release(850);
        Assert.Equal(["Normal>Warning 800", "Warning>Critical 960", "Critical>Eviction 850", "Eviction>Normal 0"], raised);
    }

    [Fact]
    public void Handler_that_throws_leaves_nothing_charged()
    {
        MemoryBudget budget = new("test", 1_000);
        budget.PressureChanged += (_, _) => throw new InvalidDataException();
        Assert.Throws<InvalidDataException>(() => budget.TryCharge(900));
        Assert.Equal(0, budget.UsedBytes);
    }

    [Theory]
    [InlineData(0, 85, 95)]
    [InlineData(80, 75, 95)]
    [InlineData(75, 85, 101)]
    [InlineData(double.NaN, 85, 95)]
    public void Thresholds_that_make_no_sense_are_refused(double warning, double eviction, double critical)
        => Assert.Throws<ArgumentOutOfRangeException>(() => new PressureThresholds(warning, eviction, critical));

    [Fact]
    public void Threads_that_charge_and_release_leave_the_sum_and_the_level_right()
    {
        MemoryBudget budget = new("test", 1_000);
        PressureLevel last = PressureLevel.Normal;
        Lock gate = new();
        long most = 0;
        budget.PressureChanged += (_, e) =>
        {
            lock (gate)
            {
                most = Math.Max(most, e.UsedBytes);
                last = budget.Pressure;
            }
        };

        Thread[] threads = new Thread[4];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() =>
            {
                for (int n = 0; n < 20_000; n++)
                {
                    if (budget.TryCharge(300))
                    {
                        budget.Release(300);
                    }
                }
            });
            threads[i].Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Assert.Equal(0, budget.UsedBytes);
        Assert.InRange(most, 0, 1_000);
        Assert.InRange(budget.PeakBytes, 300, 1_000);

        // The level is right again: the next crossing is raised from Normal.
        PressureLevel? previous = null;
        budget.PressureChanged += (_, e) => previous ??= e.Previous;
        budget.Charge(800);
        Assert.Equal(PressureLevel.Normal, previous);
    }
}

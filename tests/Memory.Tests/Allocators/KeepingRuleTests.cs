namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>How much more is kept because it was wanted again.</summary>
public sealed class KeepingRuleTests
{
    [Fact]
    public void Nothing_more_is_kept_of_what_nobody_wants_again()
    {
        KeepingRule rule = default;
        rule.Committed(1000);
        rule.GivenBack(500);
        Assert.Equal(0, rule.MoreBytes);
    }

    [Fact]
    public void What_was_given_back_and_wanted_again_is_kept_up_to_a_limit()
    {
        KeepingRule rule = default;
        rule.GivenBack(500);
        rule.Committed(300);
        Assert.Equal(300, rule.MoreBytes);
        rule.Committed(300);
        Assert.Equal(500, rule.MoreBytes);
        rule.Committed(300);
        Assert.Equal(500, rule.MoreBytes);
        for (int i = 0; i < 100; i++)
        {
            rule.GivenBack(1 << 20);
            rule.Committed(long.MaxValue);
        }

        Assert.Equal(KeepingRule.MostBytes, rule.MoreBytes);
        rule.GivenBack(long.MaxValue);
        rule.Forget();
        rule.Committed(100);
        Assert.Equal(0, rule.MoreBytes);
    }

    [Fact]
    public void It_is_forgotten_by_halves_when_nothing_is_wanted_again()
    {
        KeepingRule rule = default;
        rule.GivenBack(1 << 20);
        rule.Committed(1 << 20);
        for (int i = 0; i < 1024; i++)
        {
            Assert.Equal(1 << 20, rule.MoreBytes);
            rule.GivenBack(1);
        }

        Assert.Equal(1 << 19, rule.MoreBytes);
        for (int i = 0; i < 100_000; i++)
        {
            rule.GivenBack(1);
        }

        Assert.Equal(0, rule.MoreBytes);
    }
}

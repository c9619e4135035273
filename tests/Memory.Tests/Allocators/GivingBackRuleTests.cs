namespace DimensionStore.Memory.Tests.Allocators;

public sealed class GivingBackRuleTests
{
    [Fact]
    public void Memory_that_is_taken_and_given_back_in_turn_comes_to_an_end()
    {
        GivingBackRule rule = default;
        const long Part = 1 << 20;
        rule.Taken(Part, Part);
        rule.Taken(Part, 2 * Part);
        long given = 0;
        for (int turn = 0; turn < 1000 && rule.AllowanceBytes > 0; turn++)
        {
            long bytes = Math.Min(rule.AllowanceBytes, Part);
            rule.Given(bytes);
            given += bytes;
            rule.Taken(bytes, 2 * Part);
        }

        Assert.InRange(given, Part, 3 * 2 * Part);
        Assert.InRange(rule.AllowanceBytes, 0, 3);
    }

    [Fact]
    public void Nothing_goes_back_far_below_the_peak_until_that_is_trimmed()
    {
        GivingBackRule rule = default;
        rule.Taken(1000, 100_000);
        Assert.True(rule.IsDue(1));
        rule.Taken(1000, 49_999);
        Assert.False(rule.IsDue(1));
        rule.Taken(1000, 50_000);
        Assert.True(rule.IsDue(1));
        rule.Trimmed(10_000);
        rule.Taken(1000, 11_000);
        Assert.True(rule.IsDue(1));
    }

    [Fact]
    public void The_allowance_is_no_more_than_what_is_resident_and_handed_over_as_a_whole()
    {
        GivingBackRule rule = default;
        rule.Taken(1_000_000, 5000);
        Assert.Equal(5000, rule.AllowanceBytes);
        Assert.Equal(5000, rule.HandOver());
        Assert.False(rule.IsDue(1));
        rule.Given(2000 - 5000);
        Assert.Equal(3000, rule.AllowanceBytes);
        rule.Taken(0, 5000);
        Assert.False(rule.IsDue(1));
    }
}

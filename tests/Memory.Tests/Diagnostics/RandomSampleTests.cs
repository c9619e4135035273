namespace DimensionStore.Memory.Tests.Diagnostics;

public sealed class RandomSampleTests
{
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 80_000, 80_000)]
    [InlineData(2, 38_000, 42_000)]
    [InlineData(8, 9_000, 11_000)]
    public void It_chooses_one_in_so_many(int every, int least, int most)
        => Assert.InRange(Enumerable.Range(0, 80_000).Count(_ => new RandomSample(every).IsChosen()), least, most);

    [Fact]
    public void Of_two_things_done_in_turns_both_are_chosen()
    {
        RandomSample sample = new(2);
        int[] chosen = new int[2];
        for (int i = 0; i < 20_000; i++)
        {
            chosen[i % 2] += sample.IsChosen() ? 1 : 0;
        }

        Assert.All(chosen, times => Assert.InRange(times, 4_500, 5_500));
    }
}

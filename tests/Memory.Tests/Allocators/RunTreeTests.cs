using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed class RunTreeTests
{
    [Fact]
    public void It_finds_the_lowest_run_as_a_walk_does()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(200), Prop.ForAll(
            Gen.Choose(1, 700).ToArbitrary(),
            Gen.Choose(0, int.MaxValue - 1).ToArbitrary(),
            (count, seed) =>
            {
                RunTree tree = new(count);
                bool[] free = [.. Enumerable.Repeat(true, count)];
                Random random = new(seed);
                for (int step = 0; step < 120; step++)
                {
                    int start = random.Next(count);
                    int length = 1 + random.Next(Math.Min(count - start, random.Next(3) == 0 ? 300 : 5));
                    bool value = random.Next(2) == 0;
                    tree.Set(start, length, value);
                    Array.Fill(free, value, start, length);
                    int wanted = 1 + random.Next(random.Next(3) == 0 ? count : 8);
                    Assert.Equal(Walk(free, wanted), tree.Find(wanted));
                }

                Assert.True(tree.IsConsistent());
                Assert.Equal(free, Enumerable.Range(0, count).Select(tree.IsFree));
            }));

    [Fact]
    public void Starts_of_runs_are_those_of_the_digits()
    {
        Random random = new(2);
        for (int i = 0; i < 2_000; i++)
        {
            ulong word = (ulong)random.NextInt64() | (ulong)random.NextInt64() | ((ulong)i << 60);
            int length = 1 + random.Next(64);
            string digits = new([.. word.ToString("b64", CultureInfo.InvariantCulture).Reverse()]);
            ulong expected = 0;
            for (int bit = 0; bit + length <= 64; bit++)
            {
                expected |= digits.AsSpan(bit, length).IndexOf('0') < 0 ? 1UL << bit : 0;
            }

            Assert.Equal(expected, RunTree.StartsOfRuns(word, length));
        }
    }

    [Fact]
    public void The_least_member_of_a_summary_bitmap_is_the_least()
    {
        Random random = new(4);
        foreach (int count in (int[])[1, 63, 64, 65, 4_096, 4_097, 300_000])
        {
            SummaryBitmap bitmap = new(count);
            SortedSet<int> members = [];
            for (int step = 0; step < 3_000; step++)
            {
                int number = random.Next(3) == 0 && members.Count > 0 ? members.Min : random.Next(count);
                if (members.Remove(number))
                {
                    bitmap.Remove(number);
                }
                else
                {
                    members.Add(number);
                    bitmap.Add(number);
                }

                Assert.Equal(members.Count == 0 ? -1 : members.Min, bitmap.First());
            }

            bitmap.Clear();
            Assert.Equal(-1, bitmap.First());
        }
    }

    private static int Walk(bool[] free, int length)
    {
        int run = 0;
        for (int block = 0; block < free.Length; block++)
        {
            run = free[block] ? run + 1 : 0;
            if (run == length)
            {
                return block - length + 1;
            }
        }

        return -1;
    }
}

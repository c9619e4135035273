using System.Runtime.Intrinsics;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What is computed from a leaf's 256 bits at once, against a loop over them.</summary>
public sealed class LeafRunsTests
{
    [Fact]
    public void Runs_of_a_leaf_are_those_of_a_loop_over_its_bits()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(3_000), Prop.ForAll(ArbMap.Default.ArbFor<int>(), static seed =>
        {
            bool[] free = Pattern(new Random(seed));
            int[] starting = [.. Enumerable.Range(0, 257).Select(i => free.Skip(i).TakeWhile(static bit => bit).Count())];
            int max = starting.Max();
            Vector256<ulong> bits = Bits(free);
            int suffix = free.Reverse().TakeWhile(static bit => bit).Count();
            Assert.Equal(new LeafRuns((uint)starting[0], (uint)max, (uint)suffix), LeafRuns.Of(bits));
            for (int count = 1; count <= 256; count += count < 70 ? 1 : 13)
            {
                Assert.Equal(Array.FindIndex(starting, run => run >= count), LeafRuns.First(bits, count));
            }
        }));

    [Fact]
    public void Bits_from_a_place_on_and_the_first_and_last_of_them_are_those_of_a_loop()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(ArbMap.Default.ArbFor<int>(), static seed =>
        {
            bool[] set = Pattern(new Random(seed));
            for (int position = 0; position <= 256; position++)
            {
                bool[] from = [.. set.Select((bit, i) => bit && i >= position)];
                bool[] below = [.. set.Select((bit, i) => bit && i < position)];
                Vector256<ulong> bits = Bits(set) & LeafBits.From(position);
                Assert.Equal(Bits(from), bits);
                int first = Array.IndexOf(from, true);
                Assert.Equal(first < 0 ? 256 : first, LeafBits.First(bits));
                Assert.Equal(Array.LastIndexOf(below, true) + 1, LeafBits.BehindLast(Bits(set) & ~LeafBits.From(position)));
            }
        }));

    /// <summary>Runs of very different lengths, or none, or everything.</summary>
    private static bool[] Pattern(Random random)
    {
        int longest = 1 << random.Next(10);
        bool bit = random.Next(2) == 0;
        List<bool> bits = [];
        while (bits.Count < 256)
        {
            bits.AddRange(Enumerable.Repeat(bit, 1 + random.Next(random.Next(2) == 0 ? longest : 3)));
            bit = !bit;
        }

        return [.. bits.Take(256)];
    }

    private static Vector256<ulong> Bits(bool[] bits)
        => Vector256.Create<ulong>([.. bits.Chunk(64).Select(static word => word.Select(static (bit, i) => bit ? 1UL << i : 0).Aggregate(static (a, b) => a | b))]);
}

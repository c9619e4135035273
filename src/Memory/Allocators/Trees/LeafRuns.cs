using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DimensionStore.Memory;

/// <summary>
/// What a search needs to know about a range of granules: how many are free at its start, at its end, and in its longest free run.
/// Three numbers are enough to put two ranges together, which is what makes a tree of them possible (the Go runtime's page allocator does the same for pages).
/// </summary>
internal readonly record struct LeafRuns(uint Prefix, uint Max, uint Suffix)
{
    internal static LeafRuns Full(uint size) => new(size, size, size);

    /// <summary>The runs of a leaf, in which a free granule is a set bit.</summary>
    internal static LeafRuns Of(Vector256<ulong> free)
        => new((uint)LeafBits.First(~free), (uint)Longest(free), (uint)(LeafMap.LeafGranules - LeafBits.BehindLast(~free)));

    /// <summary>The longest run of set bits.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int Longest(Vector256<ulong> free)
    {
        // Bit p of "runs of 2^k" says that 2^k bits are set from p on; from there the longest of each word is put together like a binary number, the largest power first.
        // A run that goes through to the end of its word is cut short by this, which does no harm: the joining below knows it.
        Vector256<ulong> two = free & (free >>> 1);
        Vector256<ulong> four = two & (two >>> 2);
        Vector256<ulong> eight = four & (four >>> 4);
        Vector256<ulong> sixteen = eight & (eight >>> 8);
        Vector256<ulong> length = Vector256<ulong>.Zero;
        Vector256<ulong> starts = Vector256<ulong>.AllBitsSet;
        Extend(sixteen & (sixteen >>> 16), 32, ref starts, ref length);
        Extend(sixteen, 16, ref starts, ref length);
        Extend(eight, 8, ref starts, ref length);
        Extend(four, 4, ref starts, ref length);
        Extend(two, 2, ref starts, ref length);
        Extend(free, 1, ref starts, ref length);

        int longest = 0;
        int carried = 0;
        Join(free[0], length[0], ref longest, ref carried);
        Join(free[1], length[1], ref longest, ref carried);
        Join(free[2], length[2], ref longest, ref carried);
        Join(free[3], length[3], ref longest, ref carried);
        return Math.Max(longest, carried);
    }

    /// <summary>The first run of at least <paramref name="count"/> free granules that lies within a leaf, or −1.</summary>
    internal static unsafe int First(Vector256<ulong> free, int count)
    {
        // Runs that begin and end in one word are there for all words at once; a longer one is put together below.
        Vector256<ulong> starts = Shrink(free, Math.Min(count, 64) - 1);
        starts = count <= 64 ? starts : Vector256<ulong>.Zero;
        int carried = 0;
        for (int i = 0; i < LeafMap.LeafWords; i++)
        {
            ulong used = ~((ulong*)&free)[i];
            if (carried + BitOperations.TrailingZeroCount(used) >= count)
            {
                return (i << 6) - carried;
            }

            ulong inside = ((ulong*)&starts)[i];
            if (inside != 0)
            {
                return (i << 6) + BitOperations.TrailingZeroCount(inside);
            }

            carried = used == 0 ? carried + 64 : BitOperations.LeadingZeroCount(used);
        }

        return -1;
    }

    /// <summary>Where a word has a run of <paramref name="power"/> bits and then the run that <paramref name="starts"/> says, the word's run is the two together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Extend(Vector256<ulong> runs, int power, ref Vector256<ulong> starts, ref Vector256<ulong> length)
    {
        Vector256<ulong> longer = runs & (starts >>> power);
        Vector256<ulong> none = Vector256.Equals(longer, Vector256<ulong>.Zero);
        starts = Vector256.ConditionalSelect(none, starts, longer);
        length |= Vector256.AndNot(Vector256.Create((ulong)power), none);
    }

    /// <summary>Takes in one more word: what is carried into it, and the longest run inside it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Join(ulong free, ulong inside, ref int longest, ref int carried)
    {
        int high = BitOperations.LeadingZeroCount(~free);
        longest = Math.Max(longest, Math.Max(carried + BitOperations.TrailingZeroCount(~free), (int)inside));
        carried = high + (high == 64 ? carried : 0);
    }

    /// <summary>Leaves a bit set where it and the <paramref name="by"/> bits above it in its word were set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Shrink(Vector256<ulong> bits, int by)
    {
        // Always six steps, the last of them perhaps by nothing: a loop that ends when it is done is mispredicted.
        for (int step = 1; step < 64; step <<= 1)
        {
            int shift = Math.Min(step, by);
            bits &= bits >>> shift;
            by -= shift;
        }

        return bits;
    }
}

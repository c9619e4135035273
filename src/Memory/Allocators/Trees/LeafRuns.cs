using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>
/// What a search needs to know about a range of granules: how many are free at its start, at its end, and in its longest free run.
/// Three numbers are enough to put two ranges together, which is what makes a tree of them possible (the Go runtime's page allocator does the same for pages).
/// </summary>
internal readonly record struct LeafRuns(uint Prefix, uint Max, uint Suffix)
{
    internal static LeafRuns Full(uint size) => new(size, size, size);

    /// <summary>The runs of a leaf, given as four words in which a free granule is a set bit.</summary>
    internal static unsafe LeafRuns Of(ulong* free)
    {
        uint prefix = 0;
        uint best = 0;
        uint carried = 0;
        bool broken = false;
        for (int i = 0; i < LeafMap.LeafWords; i++)
        {
            ulong word = free[i];
            if (word == ulong.MaxValue)
            {
                carried += 64;
                continue;
            }

            int low = BitOperations.TrailingZeroCount(~word);
            carried += (uint)low;
            if (!broken)
            {
                prefix = carried;
                broken = true;
            }

            best = Math.Max(best, carried);
            int high = BitOperations.LeadingZeroCount(~word);

            // Runs inside the word matter only when they are longer than the best so far: shrink all of them by that much and see what is left.
            ulong inside = high == 0 ? word : word & (ulong.MaxValue >> high);
            inside = best < 64 ? Shrink(inside >> low << low, (int)best) : 0;
            while (inside != 0)
            {
                best++;
                inside &= inside >> 1;
            }

            carried = (uint)high;
        }

        return broken ? new LeafRuns(prefix, Math.Max(best, carried), carried) : Full(LeafMap.LeafGranules);
    }

    /// <summary>The first run of at least <paramref name="count"/> free granules that lies within a leaf, or −1.</summary>
    internal static unsafe int First(ulong* free, int count)
    {
        int carried = 0;
        for (int i = 0; i < LeafMap.LeafWords; i++)
        {
            ulong word = free[i];
            if (word == ulong.MaxValue)
            {
                carried += 64;
                if (carried >= count)
                {
                    return (i * 64) + 64 - carried;
                }

                continue;
            }

            if (carried + BitOperations.TrailingZeroCount(~word) >= count)
            {
                return (i * 64) - carried;
            }

            if (count <= 64)
            {
                ulong starts = Shrink(word, count - 1);
                if (starts != 0)
                {
                    return (i * 64) + BitOperations.TrailingZeroCount(starts);
                }
            }

            carried = BitOperations.LeadingZeroCount(~word);
        }

        return -1;
    }

    /// <summary>Leaves a bit set where it and the <paramref name="by"/> bits above it were set.</summary>
    private static ulong Shrink(ulong word, int by)
    {
        for (int step = 1; by > 0; step <<= 1)
        {
            int shift = Math.Min(step, by);
            word &= word >> shift;
            by -= shift;
        }

        return word;
    }
}

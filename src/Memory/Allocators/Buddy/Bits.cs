using System.Numerics;
using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>Ranges of bits in tables of 64-bit words. A range is from its first bit to the one behind its last; where it is not empty is the caller's care.</summary>
internal static unsafe class Bits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Test(ulong* words, int bit) => (words[bit >> 6] >> (bit & 63) & 1) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Set(ulong* words, int bit) => words[bit >> 6] |= 1UL << (bit & 63);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Clear(ulong* words, int bit) => words[bit >> 6] &= ~(1UL << (bit & 63));

    internal static void SetRange(ulong* words, int from, int to)
    {
        for (int word = from >> 6; word <= (to - 1) >> 6; word++)
        {
            words[word] |= Mask(word, from, to);
        }
    }

    internal static void ClearRange(ulong* words, int from, int to)
    {
        for (int word = from >> 6; word <= (to - 1) >> 6; word++)
        {
            words[word] &= ~Mask(word, from, to);
        }
    }

    internal static int Count(ulong* words, int from, int to)
    {
        int count = 0;
        for (int word = from >> 6; word <= (to - 1) >> 6; word++)
        {
            count += BitOperations.PopCount(words[word] & Mask(word, from, to));
        }

        return count;
    }

    /// <summary>The first bit that is set, from <paramref name="from"/> on; <paramref name="to"/> when there is none before.</summary>
    internal static int NextSet(ulong* words, int from, int to) => Next(words, from, to, 0);

    /// <summary>The first bit that is not set, from <paramref name="from"/> on; <paramref name="to"/> when there is none before.</summary>
    internal static int NextClear(ulong* words, int from, int to) => Next(words, from, to, ulong.MaxValue);

    /// <summary>The last bit that is set, not above <paramref name="from"/>; −1 when there is none.</summary>
    internal static int PreviousSet(ulong* words, int from)
    {
        int word = from >> 6;
        ulong seen = words[word] & (ulong.MaxValue >> (63 - (from & 63)));
        while (seen == 0)
        {
            if (--word < 0)
            {
                return -1;
            }

            seen = words[word];
        }

        return (word << 6) + BitOperations.Log2(seen);
    }

    private static int Next(ulong* words, int from, int to, ulong flip)
    {
        if (from >= to)
        {
            return to;
        }

        int word = from >> 6;
        ulong seen = (words[word] ^ flip) & (ulong.MaxValue << (from & 63));
        while (seen == 0)
        {
            if (++word > (to - 1) >> 6)
            {
                return to;
            }

            seen = words[word] ^ flip;
        }

        return Math.Min(to, (word << 6) + BitOperations.TrailingZeroCount(seen));
    }

    private static ulong Mask(int word, int from, int to)
    {
        ulong mask = ulong.MaxValue;
        if (word == from >> 6)
        {
            mask <<= from & 63;
        }

        if (word == (to - 1) >> 6)
        {
            mask &= ulong.MaxValue >> (63 - ((to - 1) & 63));
        }

        return mask;
    }
}

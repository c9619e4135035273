using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>
/// A set of small integers: a bit each, and above every 64 words a word that says which of them are not zero. The smallest member is found in as many steps as there are
/// levels: two up to 4,096, three up to 262,144. Not thread-safe.
/// </summary>
internal sealed class BitTree
{
    private ulong[][] _levels;

    /// <summary>An empty set of numbers below <paramref name="size"/>, or below 64 when that is more.</summary>
    internal BitTree(int size) => _levels = LevelsFor(size);

    internal bool IsEmpty => _levels[^1][0] == 0;

    internal long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (ulong[] level in _levels)
            {
                bytes += level.Length * sizeof(ulong);
            }

            return bytes;
        }
    }

    /// <summary>Makes it a set of numbers below <paramref name="size"/>, if those it may have are fewer. Members stay; without memory nothing changes.</summary>
    internal void Grow(int size)
    {
        if (WordsFor(size) <= _levels[0].Length)
        {
            return;
        }

        ulong[][] levels = LevelsFor(size);
        _levels[0].CopyTo(levels[0], 0);
        for (int level = 1; level < levels.Length; level++)
        {
            for (int word = 0; word < levels[level - 1].Length; word++)
            {
                levels[level][word >> 6] |= levels[level - 1][word] != 0 ? 1UL << (word & 63) : 0;
            }
        }

        _levels = levels;
    }

    internal bool Contains(int item) => (_levels[0][item >> 6] >> (item & 63) & 1) != 0;

    internal void Add(int item)
    {
        foreach (ulong[] level in _levels)
        {
            ref ulong word = ref level[item >> 6];
            bool known = word != 0;
            word |= 1UL << (item & 63);
            if (known)
            {
                return;
            }

            item >>= 6;
        }
    }

    internal void Remove(int item)
    {
        foreach (ulong[] level in _levels)
        {
            ref ulong word = ref level[item >> 6];
            word &= ~(1UL << (item & 63));
            if (word != 0)
            {
                return;
            }

            item >>= 6;
        }
    }

    internal void Clear()
    {
        foreach (ulong[] level in _levels)
        {
            Array.Clear(level);
        }
    }

    /// <summary>The smallest member; the set must not be empty.</summary>
    internal int First()
    {
        int item = 0;
        for (int level = _levels.Length - 1; level >= 0; level--)
        {
            item = (item << 6) + BitOperations.TrailingZeroCount(_levels[level][item]);
        }

        return item;
    }

    /// <summary>The largest member; the set must not be empty.</summary>
    internal int Last()
    {
        int item = 0;
        for (int level = _levels.Length - 1; level >= 0; level--)
        {
            item = (item << 6) + BitOperations.Log2(_levels[level][item]);
        }

        return item;
    }

    /// <summary>The smallest member that is not below <paramref name="item"/>, or −1.</summary>
    internal int Next(int item)
    {
        ulong[] words = _levels[0];
        int word = item >> 6;
        if (word >= words.Length)
        {
            return -1;
        }

        ulong rest = words[word] & (ulong.MaxValue << (item & 63));
        while (rest == 0)
        {
            if (++word == words.Length)
            {
                return -1;
            }

            rest = words[word];
        }

        return (word << 6) + BitOperations.TrailingZeroCount(rest);
    }

    private static ulong[][] LevelsFor(int size)
    {
        int count = 1;
        for (int words = WordsFor(size); words > 1; words = WordsFor(words))
        {
            count++;
        }

        ulong[][] levels = new ulong[count][];
        for (int level = 0, words = WordsFor(size); level < count; level++, words = WordsFor(words))
        {
            levels[level] = new ulong[words];
        }

        return levels;
    }

    private static int WordsFor(int items) => Math.Max(1, (items + 63) >> 6);
}

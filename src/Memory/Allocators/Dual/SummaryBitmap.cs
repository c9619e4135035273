using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>A set of small numbers that knows its least member: bits, and above them bits that say which words have any. A level per factor of 64, so a step per level and no walk.</summary>
internal sealed class SummaryBitmap
{
    private readonly ulong[][] _levels;

    internal SummaryBitmap(int count)
    {
        List<ulong[]> levels = [];
        do
        {
            count = (count + 63) >> 6;
            levels.Add(new ulong[count]);
        }
        while (count > 1);
        _levels = [.. levels];
        Bytes = levels.Sum(level => level.LongLength * sizeof(ulong));
    }

    /// <summary>Bytes it takes.</summary>
    internal long Bytes { get; }

    internal bool Contains(int number) => (_levels[0][number >> 6] & (1UL << number)) != 0;

    internal void Add(int number)
    {
        foreach (ulong[] level in _levels)
        {
            ulong before = level[number >> 6];
            level[number >> 6] = before | (1UL << number);
            if (before != 0)
            {
                return;
            }

            number >>= 6;
        }
    }

    internal void Remove(int number)
    {
        foreach (ulong[] level in _levels)
        {
            ulong after = level[number >> 6] & ~(1UL << number);
            level[number >> 6] = after;
            if (after != 0)
            {
                return;
            }

            number >>= 6;
        }
    }

    /// <summary>The least member, or −1.</summary>
    internal int First()
    {
        if (_levels[^1][0] == 0)
        {
            return -1;
        }

        int number = 0;
        for (int level = _levels.Length - 1; level >= 0; level--)
        {
            number = (number << 6) | BitOperations.TrailingZeroCount(_levels[level][number]);
        }

        return number;
    }

    internal void Clear()
    {
        foreach (ulong[] level in _levels)
        {
            Array.Clear(level);
        }
    }
}

using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>
/// Which blocks are free, and where the lowest run of a given length is. A bit per block; over the words of 64 bits a binary tree whose nodes hold the length of the
/// free run at their left end, at their right end, and the longest anywhere in them. Neighbours that are free are one run because nothing separates them: coalescing takes no step of its own.
/// </summary>
/// <remarks>
/// A search takes one step per level and always finds the lowest run there is; a change updates the nodes above it as far as they change. Lists of runs by length were rejected:
/// they are faster by some nanoseconds, but find the lowest run only by a walk, and low addresses are what lets the top of the pool go back to the system.
/// </remarks>
internal sealed class RunTree
{
    private readonly ulong[] _free;
    private readonly Node[] _nodes;
    private readonly int _leaves;

    /// <summary>Creates the tree with blocks 0 to <paramref name="count"/> − 1 free.</summary>
    internal RunTree(int count)
    {
        Count = count;
        int words = (count + 63) >> 6;
        _free = new ulong[words];
        _leaves = (int)BitOperations.RoundUpToPowerOf2((uint)words);
        _nodes = new Node[2 * _leaves];
        SetAll();
    }

    /// <summary>Blocks.</summary>
    internal int Count { get; }

    /// <summary>Bytes it takes.</summary>
    internal long Bytes => (_free.LongLength * sizeof(ulong)) + (_nodes.LongLength * 3 * sizeof(int));

    /// <summary>Length of the longest free run.</summary>
    internal int Longest => _nodes[1].Longest;

    /// <summary>The free bits, 64 blocks each.</summary>
    internal ReadOnlySpan<ulong> Words => _free;

    internal bool IsFree(int block) => (_free[block >> 6] & (1UL << block)) != 0;

    /// <summary>Makes every block free.</summary>
    internal void SetAll()
    {
        for (int word = 0; word < _free.Length; word++)
        {
            _free[word] = word == _free.Length - 1 && (Count & 63) != 0 ? (1UL << Count) - 1 : ulong.MaxValue;
            _nodes[_leaves + word] = Leaf(_free[word]);
        }

        for (int node = _leaves - 1; node >= 1; node--)
        {
            _nodes[node] = Join(node);
        }
    }

    /// <summary>Start of the lowest run of <paramref name="length"/> free blocks, or −1.</summary>
    internal int Find(int length)
    {
        if (_nodes[1].Longest < length)
        {
            return -1;
        }

        int node = 1;
        int first = 0;
        int span = _leaves << 6;
        while (node < _leaves)
        {
            span >>= 1;
            int left = 2 * node;
            if (_nodes[left].Longest >= length)
            {
                node = left;
            }
            else if (_nodes[left].Right + _nodes[left + 1].Left >= length)
            {
                return first + span - _nodes[left].Right;
            }
            else
            {
                node = left + 1;
                first += span;
            }
        }

        return first + BitOperations.TrailingZeroCount(StartsOfRuns(_free[node - _leaves], length));
    }

    /// <summary>The bits at which <paramref name="length"/> ones in a row begin; the length is at most 64.</summary>
    internal static ulong StartsOfRuns(ulong word, int length)
    {
        // Doubles what is known about each bit: after a step, a bit says that as many bits from it on are ones.
        for (int known = 1; known < length;)
        {
            int step = Math.Min(known, length - known);
            word &= word >> step;
            known += step;
        }

        return word;
    }

    /// <summary>Marks a run of blocks.</summary>
    internal void Set(int start, int length, bool free)
    {
        int end = start + length;
        int firstWord = start >> 6;
        int lastWord = (end - 1) >> 6;
        int lowest = int.MaxValue;
        int highest = -1;
        for (int word = firstWord; word <= lastWord; word++)
        {
            ulong mask = ulong.MaxValue;
            mask <<= word == firstWord ? start & 63 : 0;
            mask &= word == lastWord && (end & 63) != 0 ? (1UL << end) - 1 : ulong.MaxValue;
            _free[word] = free ? _free[word] | mask : _free[word] & ~mask;
            Node leaf = Leaf(_free[word]);
            if (leaf != _nodes[_leaves + word])
            {
                _nodes[_leaves + word] = leaf;
                lowest = Math.Min(lowest, word);
                highest = word;
            }
        }

        int from = (_leaves + lowest) >> 1;
        int to = (_leaves + highest) >> 1;
        bool changed = highest >= 0;
        while (changed && from >= 1)
        {
            changed = false;
            for (int node = from; node <= to; node++)
            {
                Node joined = Join(node);
                changed |= joined != _nodes[node];
                _nodes[node] = joined;
            }

            from >>= 1;
            to >>= 1;
        }
    }

    /// <summary>Whether every node says what its bits say. For checks; takes time with the number of blocks.</summary>
    internal bool IsConsistent()
    {
        for (int word = 0; word < _free.Length; word++)
        {
            if (_nodes[_leaves + word] != Leaf(_free[word]))
            {
                return false;
            }
        }

        for (int node = 1; node < _leaves; node++)
        {
            if (_nodes[node] != Join(node))
            {
                return false;
            }
        }

        return true;
    }

    private static Node Leaf(ulong word)
    {
        if (word == ulong.MaxValue)
        {
            return new Node(64, 64, 64);
        }

        int longest = 0;
        for (ulong rest = word; rest != 0;)
        {
            rest >>= BitOperations.TrailingZeroCount(rest);
            int run = BitOperations.TrailingZeroCount(~rest);
            longest = Math.Max(longest, run);
            rest >>= run;
        }

        return new Node(BitOperations.TrailingZeroCount(~word), BitOperations.LeadingZeroCount(~word), longest);
    }

    private Node Join(int node)
    {
        Node left = _nodes[2 * node];
        Node right = _nodes[(2 * node) + 1];

        // The blocks below a node: all leaves' 64, shared by the nodes of its level.
        int half = (_leaves << 6) >> (BitOperations.Log2((uint)node) + 1);
        return new Node(
            left.Left == half ? half + right.Left : left.Left,
            right.Right == half ? half + left.Right : right.Right,
            Math.Max(Math.Max(left.Longest, right.Longest), left.Right + right.Left));
    }

    /// <summary>Free run at the left end, at the right end, and the longest.</summary>
    private readonly record struct Node(int Left, int Right, int Longest);
}

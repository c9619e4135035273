using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// The search tree of one membrane: eight leaves or nodes under each node, each node with the <see cref="LeafRuns"/> of what is below. It answers "the lowest address with so much
/// free" in a walk from the root down, and takes an update from a leaf up until nothing changes any more. Under the lock of its zone.
/// </summary>
internal sealed unsafe class MembraneTree
{
    private const int FanShift = 3;

    private readonly LeafMap _map;
    private readonly Node* _nodes;
    private readonly int[] _counts;
    private readonly int[] _offsets;
    private readonly int _depth;

    /// <summary>Creates the tree over leaves that are all free; <see cref="Update"/> takes in those that are not.</summary>
    /// <param name="map">The leaves.</param>
    /// <param name="firstLeaf">First leaf.</param>
    /// <param name="shape">Leaves and levels; membranes of one size share it.</param>
    /// <param name="nodes">Zeroed room for <see cref="Shape.NodeCount"/> nodes.</param>
    internal MembraneTree(LeafMap map, int firstLeaf, Shape shape, Node* nodes)
    {
        _map = map;
        _nodes = nodes;
        FirstLeaf = firstLeaf;
        LeafCount = shape.Counts[0];
        _counts = shape.Counts;
        _offsets = shape.Offsets;
        _depth = shape.Counts.Length - 1;
    }

    internal int FirstLeaf { get; }

    internal int LeafCount { get; }

    internal int FirstGranule => FirstLeaf << LeafMap.LeafShift;

    internal int Granules => LeafCount << LeafMap.LeafShift;

    /// <summary>Live blocks that start here.</summary>
    internal long LiveBlocks { get; set; }

    /// <summary>Granules in them.</summary>
    internal long LiveGranules { get; set; }

    /// <summary>The runs of the whole membrane.</summary>
    internal LeafRuns Root => Runs(_depth, 0);

    /// <summary>The lowest granule from which <paramref name="count"/> granules of this membrane are free; −1 when there is none.</summary>
    internal int FindFirst(int count)
    {
        if (Root.Max < (uint)count)
        {
            return -1;
        }

        int index = 0;
        for (int level = _depth - 1; level >= 0; level--)
        {
            int child = index << FanShift;
            int last = Math.Min(child + (1 << FanShift), _counts[level]) - 1;
            uint size = (uint)LeafMap.LeafGranules << (FanShift * level);

            // What lies before this node no longer matters: with it, its free start was too short.
            uint carried = 0;
            while (true)
            {
                LeafRuns runs = Runs(level, child);
                if (carried + runs.Prefix >= (uint)count)
                {
                    return FirstGranule + (int)((child * (long)size) - carried);
                }

                if (runs.Max >= (uint)count || child >= last)
                {
                    break;
                }

                carried = runs.Prefix == size ? carried + size : runs.Suffix;
                child++;
            }

            index = child;
        }

        ulong* free = stackalloc ulong[LeafMap.LeafWords];
        _map.CopyFree(FirstLeaf + index, free);
        return ((FirstLeaf + index) << LeafMap.LeafShift) + LeafRuns.First(free, count);
    }

    /// <summary>The lowest granule, at or above <paramref name="from"/>, from which <paramref name="count"/> granules of this membrane are free; −1 when there is none.</summary>
    internal int Find(int from, int count)
    {
        uint carried = 0;
        int found = Search(_depth, 0, Math.Max(0, from - FirstGranule), (uint)count, ref carried);
        return found < 0 ? -1 : FirstGranule + found;
    }

    /// <summary>Takes notice of changed leaves, by their numbers in the map, from below up to where nothing changes any more.</summary>
    internal void Update(int firstLeaf, int lastLeaf)
    {
        int first = Math.Max(0, firstLeaf - FirstLeaf);
        int last = Math.Min(LeafCount - 1, lastLeaf - FirstLeaf);
        for (int level = 1; level <= _depth; level++)
        {
            first >>= FanShift;
            last >>= FanShift;
            bool changed = false;
            for (int node = first; node <= last; node++)
            {
                changed |= Write(level, node, Merge(level, node));
            }

            if (!changed)
            {
                return;
            }
        }
    }

    /// <summary>Compares every node with what is below it; the number of nodes that are wrong.</summary>
    internal int CountWrongNodes()
    {
        int wrong = 0;
        for (int level = 1; level <= _depth; level++)
        {
            for (int node = 0; node < _counts[level]; node++)
            {
                wrong += Merge(level, node) == Runs(level, node) ? 0 : 1;
            }
        }

        return wrong;
    }

    /// <summary>Stores a node, but leaves a page that was never written alone when the node is free as a whole: that is what zeros mean.</summary>
    private bool Write(int level, int index, LeafRuns runs)
    {
        Node* node = _nodes + _offsets[level] + index;
        if (runs == Runs(level, index))
        {
            return false;
        }

        *node = new Node(runs.Prefix, runs.Max | Node.Written, runs.Suffix);
        return true;
    }

    private uint Size(int level, int index)
    {
        long span = (long)LeafMap.LeafGranules << (FanShift * level);
        return (uint)Math.Min(span, Granules - (index * span));
    }

    private LeafRuns Runs(int level, int index)
    {
        if (level == 0)
        {
            return LeafMap.Runs(_map.Words[FirstLeaf + index]);
        }

        Node* node = _nodes + _offsets[level] + index;
        return node->Max == 0 ? LeafRuns.Full(Size(level, index)) : new LeafRuns(node->Prefix, node->Max & ~Node.Written, node->Suffix);
    }

    private LeafRuns Merge(int level, int index)
    {
        int child = index << FanShift;
        int end = Math.Min(child + (1 << FanShift), _counts[level - 1]);
        uint size = (uint)LeafMap.LeafGranules << (FanShift * (level - 1));
        uint prefix = 0;
        uint max = 0;
        uint carried = 0;
        bool broken = false;
        for (; child < end; child++)
        {
            LeafRuns runs = Runs(level - 1, child);

            // Only the last child of a level is shorter than the others, and whether a short one is full no longer matters for what follows it.
            uint length = child == _counts[level - 1] - 1 ? Size(level - 1, child) : size;
            max = Math.Max(max, Math.Max(carried + runs.Prefix, runs.Max));
            if (runs.Prefix == length)
            {
                carried += length;
                continue;
            }

            prefix = broken ? prefix : carried + runs.Prefix;
            broken = true;
            carried = runs.Suffix;
        }

        return new LeafRuns(broken ? prefix : carried, Math.Max(max, carried), carried);
    }

    private int Search(int level, int index, int from, uint count, ref uint carried)
    {
        long span = (long)LeafMap.LeafGranules << (FanShift * level);
        long start = index * span;
        uint size = Size(level, index);
        if (start + size <= from)
        {
            return -1;
        }

        if (from <= start)
        {
            LeafRuns runs = Runs(level, index);
            if (carried + runs.Prefix >= count)
            {
                return (int)(start - carried);
            }

            if (runs.Max < count)
            {
                carried = runs.Prefix == size ? carried + size : runs.Suffix;
                return -1;
            }
        }

        if (level == 0)
        {
            return SearchLeaf(index, Math.Max(0, from - (int)start), count, ref carried);
        }

        int child = index << FanShift;
        int end = Math.Min(child + (1 << FanShift), _counts[level - 1]);
        for (; child < end; child++)
        {
            int found = Search(level - 1, child, from, count, ref carried);
            if (found >= 0)
            {
                return found;
            }
        }

        return -1;
    }

    private int SearchLeaf(int index, int from, uint count, ref uint carried)
    {
        ulong* free = stackalloc ulong[LeafMap.LeafWords];
        _map.CopyFree(FirstLeaf + index, free);
        for (int i = 0; i < LeafMap.LeafWords; i++)
        {
            int below = Math.Clamp(from - (i * 64), 0, 64);
            free[i] = below == 64 ? 0 : free[i] & (ulong.MaxValue << below);
        }

        int found = count <= LeafMap.LeafGranules ? LeafRuns.First(free, (int)count) : -1;
        if (found >= 0)
        {
            return (index << LeafMap.LeafShift) + found;
        }

        LeafRuns runs = LeafRuns.Of(free);
        carried = runs.Prefix == LeafMap.LeafGranules ? carried + LeafMap.LeafGranules : runs.Suffix;
        return -1;
    }

    /// <summary>The <see cref="LeafRuns"/> of a node. All zeros: never written, and everything below is free.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal readonly struct Node(uint prefix, uint max, uint suffix)
    {
        internal const uint Written = 1u << 31;
        internal readonly uint Prefix = prefix;
        internal readonly uint Max = max;
        internal readonly uint Suffix = suffix;
    }

    /// <summary>How many nodes there are in each level of a tree, the leaves being level 0, and where those of a level begin.</summary>
    internal sealed class Shape
    {
        internal Shape(int leafCount)
        {
            List<int> counts = [leafCount];
            List<int> offsets = [0];
            do
            {
                counts.Add((counts[^1] + (1 << FanShift) - 1) >> FanShift);
                offsets.Add(NodeCount);
                NodeCount += counts[^1];
            }
            while (counts[^1] > 1);
            Counts = [.. counts];
            Offsets = [.. offsets];
        }

        internal int[] Counts { get; }

        internal int[] Offsets { get; }

        internal int NodeCount { get; }
    }
}

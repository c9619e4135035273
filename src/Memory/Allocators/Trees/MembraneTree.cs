using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// The search tree of one membrane: eight leaves or nodes under each node, each node with the <see cref="LeafRuns"/> of what is below. It answers "the lowest address with so much
/// free" in a walk from the root down, and takes an update from a leaf up until nothing changes any more. Under the lock of its zone.
/// </summary>
internal sealed unsafe partial class MembraneTree
{
    private const int FanShift = 3;
    private const int Lanes = 1 << FanShift;

    private readonly LeafMap _map;
    private readonly Family* _families;
    private readonly int[] _counts;
    private readonly int[] _offsets;
    private readonly int _depth;
    private readonly int _nodeFamilies;
    private bool _written;

    /// <summary>Creates the tree over leaves that are all free; <see cref="Refresh"/> takes in those that are not.</summary>
    /// <param name="map">The leaves.</param>
    /// <param name="firstLeaf">First leaf.</param>
    /// <param name="shape">Leaves and levels; membranes of one size share it.</param>
    /// <param name="families">Room for <see cref="Shape.FamilyCount"/> families. It is written when the membrane is first searched or changed, so that one nobody uses takes no memory.</param>
    internal MembraneTree(LeafMap map, int firstLeaf, Shape shape, Family* families)
    {
        _map = map;
        _families = families;
        FirstLeaf = firstLeaf;
        LeafCount = shape.Counts[0];
        _counts = shape.Counts;
        _offsets = shape.Offsets;
        _depth = shape.Counts.Length - 1;
        _nodeFamilies = shape.FamilyCount;
    }

    internal int FirstLeaf { get; }

    internal int LeafCount { get; }

    internal int FirstGranule => FirstLeaf << LeafMap.LeafShift;

    internal int Granules => LeafCount << LeafMap.LeafShift;

    /// <summary>Bytes of nodes, all of which are written when the membrane is first searched or changed.</summary>
    internal long NodeBytes => (long)_nodeFamilies * sizeof(Family);

    /// <summary>Live blocks that start here.</summary>
    internal long LiveBlocks { get; set; }

    /// <summary>Granules in them.</summary>
    internal long LiveGranules { get; set; }

    /// <summary>The runs of the whole membrane.</summary>
    internal LeafRuns Root => _written ? Runs(_depth, 0) : LeafRuns.Full((uint)Granules);

    /// <summary>The lowest granule from which <paramref name="count"/> granules of this membrane are free; −1 when there is none.</summary>
    internal int FindFirst(int count)
    {
        if (Root.Max < (uint)count)
        {
            return -1;
        }

        WriteOnce();
        int index = 0;
        for (int level = _depth - 1; level >= 0; level--)
        {
            uint size = (uint)LeafMap.LeafGranules << (FanShift * level);
            int before = count <= size ? FirstChild(level, ref index, count) : FirstChildOfLong(level, ref index, count);
            if (before >= 0)
            {
                return FirstGranule + (int)((index * (long)size) - before);
            }
        }

        _map.Fetch(FirstLeaf + index);
        return ((FirstLeaf + index) << LeafMap.LeafShift) + LeafRuns.First(_map.Free(FirstLeaf + index), count);
    }

    /// <summary>The lowest granule, at or above <paramref name="from"/>, from which <paramref name="count"/> granules of this membrane are free; −1 when there is none.</summary>
    internal int Find(int from, int count)
    {
        WriteOnce();
        uint carried = 0;
        int found = Search(_depth, 0, Math.Max(0, from - FirstGranule), (uint)count, ref carried);
        return found < 0 ? -1 : FirstGranule + found;
    }

    /// <summary>Compares every node with what is below it; the number of nodes that are wrong.</summary>
    internal int CountWrongNodes()
    {
        WriteOnce();
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

    /// <summary>Writes every node as free, once.</summary>
    private void WriteOnce()
    {
        if (_written)
        {
            return;
        }

        _written = true;
        for (int level = 1; level <= _depth; level++)
        {
            int families = (_counts[level] + Lanes - 1) >> FanShift;

            // Lanes behind the last node stay zero: nothing is free there.
            new Span<Family>(_families + _offsets[level], families).Clear();
            for (int node = 0; node < _counts[level]; node++)
            {
                Write(level, node, LeafRuns.Full(Size(level, node)));
            }
        }
    }

    private void Write(int level, int index, LeafRuns runs)
    {
        uint* lane = Lane(level, index);
        lane[0] = runs.Prefix;
        lane[Lanes] = runs.Max;
        lane[2 * Lanes] = runs.Suffix;
    }

    private uint* Lane(int level, int index) => (uint*)(_families + _offsets[level] + (index >> FanShift)) + (index & (Lanes - 1));

    private uint Size(int level, int index)
    {
        long span = (long)LeafMap.LeafGranules << (FanShift * level);
        return (uint)Math.Min(span, Granules - (index * span));
    }

    /// <summary>Asks the processor for the node above a leaf, the only level that is too much to be near anyway.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Fetch(int leaf)
    {
        uint* lane = Lane(1, (leaf - FirstLeaf) >> FanShift);
        Prefetch.Line(lane);
        Prefetch.Line(lane + (2 * Lanes));
    }

    private LeafRuns Runs(int level, int index)
    {
        if (level == 0)
        {
            return LeafMap.Runs(_map.Words[FirstLeaf + index]);
        }

        uint* lane = Lane(level, index);
        return new LeafRuns(lane[0], lane[Lanes], lane[2 * Lanes]);
    }

    /// <summary>The numbers of eight children side by side; zeros where the level has ended.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Load(int level, int family, out Vector256<int> prefix, out Vector256<int> max, out Vector256<int> suffix)
    {
        if (level > 0)
        {
            int* lanes = (int*)(_families + _offsets[level] + family);
            prefix = Vector256.Load(lanes);
            max = Vector256.Load(lanes + Lanes);
            suffix = Vector256.Load(lanes + (2 * Lanes));
            return;
        }

        LeafMap.Runs(_map.Load(FirstLeaf + (family << FanShift)), LeafCount - (family << FanShift), out prefix, out max, out suffix);
    }

    /// <summary>
    /// One step down where a child may be long enough alone. Returns how far before the child that <paramref name="index"/> now is the run begins, or −1 when it begins inside it.
    /// A child that is free as a whole is a hit itself, so no run that ends before the first hit goes through a whole child: two neighbours are all there is to put together.
    /// </summary>
    private int FirstChild(int level, ref int index, int count)
    {
        Load(level, index, out Vector256<int> prefix, out Vector256<int> max, out Vector256<int> suffix);
        Vector256<int> enough = Vector256.Create(count - 1);
        Vector256<int> before = Vector256.Shuffle(suffix, Vector256.Create(Lanes, 0, 1, 2, 3, 4, 5, 6));
        uint across = Vector256.GreaterThan(before + prefix, enough).ExtractMostSignificantBits();
        uint hits = across | Vector256.GreaterThan(max, enough).ExtractMostSignificantBits();
        int lane = BitOperations.TrailingZeroCount(hits);
        index = (index << FanShift) + lane;
        return (across & (hits & (0 - hits))) == 0 ? -1 : lane == 0 ? 0 : (int)Runs(level, index - 1).Suffix;
    }

    /// <summary>One step down where the run has to be put together from whole children.</summary>
    private int FirstChildOfLong(int level, ref int index, int count)
    {
        int child = index << FanShift;
        int last = Math.Min(child + Lanes, _counts[level]) - 1;
        uint size = (uint)LeafMap.LeafGranules << (FanShift * level);

        // What lies before this node no longer matters: with it, its free start was too short.
        uint carried = 0;
        for (; ; child++)
        {
            index = child;
            LeafRuns runs = Runs(level, child);
            if (carried + runs.Prefix >= (uint)count)
            {
                return (int)carried;
            }

            if (runs.Max >= (uint)count || child >= last)
            {
                return -1;
            }

            carried = runs.Prefix == size ? carried + size : runs.Suffix;
        }
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
        int end = Math.Min(child + Lanes, _counts[level - 1]);
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
        Vector256<ulong> free = _map.Free(FirstLeaf + index) & LeafBits.From(from);
        int found = count <= LeafMap.LeafGranules ? LeafRuns.First(free, (int)count) : -1;
        if (found >= 0)
        {
            return (index << LeafMap.LeafShift) + found;
        }

        LeafRuns runs = LeafRuns.Of(free);
        carried = runs.Prefix == LeafMap.LeafGranules ? carried + LeafMap.LeafGranules : runs.Suffix;
        return -1;
    }

    /// <summary>The <see cref="LeafRuns"/> of eight nodes under one: eight times the first number, eight times the second, eight times the third, so that one instruction takes all eight.</summary>
    internal struct Family
    {
        internal fixed uint Numbers[3 * Lanes];
    }

    /// <summary>How many nodes there are in each level of a tree, the leaves being level 0, and where the families of a level begin.</summary>
    internal sealed class Shape
    {
        internal Shape(int leafCount)
        {
            List<int> counts = [leafCount];
            List<int> offsets = [0];
            do
            {
                counts.Add((counts[^1] + Lanes - 1) >> FanShift);
                offsets.Add(FamilyCount);
                FamilyCount += (counts[^1] + Lanes - 1) >> FanShift;
            }
            while (counts[^1] > 1);
            Counts = [.. counts];
            Offsets = [.. offsets];
        }

        internal int[] Counts { get; }

        internal int[] Offsets { get; }

        internal int FamilyCount { get; }
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DimensionStore.Memory;

/// <summary>
/// The search tree of one membrane: eight leaves or nodes under each node, each node with the <see cref="LeafRuns"/> of what is below. It answers "the lowest address with so much
/// free" in a walk from the root down, and takes an update from a leaf up until nothing changes any more. Under the lock of its zone.
/// </summary>
internal sealed unsafe class MembraneTree
{
    private const int FanShift = 3;
    private const int Lanes = 1 << FanShift;

    private readonly LeafMap _map;
    private readonly Family* _families;
    private readonly int[] _counts;
    private readonly int[] _offsets;
    private readonly int _depth;
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

    /// <summary>
    /// Takes notice of a block that was freed. All that can have become longer is the free run that it lies in now, so that run is followed up: in each node it is put together with what is free
    /// beside it there, until a node has nothing new from it.
    /// </summary>
    /// <param name="firstLeaf">The leaf that the block starts in, by its number in the map.</param>
    /// <param name="lastLeaf">The leaf that it ends in.</param>
    /// <param name="left">Where the run begins, or that leaf.</param>
    /// <param name="right">Where the run ends, or that leaf.</param>
    internal void Grow(int firstLeaf, int lastLeaf, int left, int right)
    {
        int first = firstLeaf - FirstLeaf;
        int last = lastLeaf - FirstLeaf;
        if ((first ^ last) >= Lanes || last >= LeafCount)
        {
            Refresh(firstLeaf, lastLeaf);
            return;
        }

        WriteOnce();
        int from = left - FirstGranule;
        int to = right - FirstGranule;
        for (int level = 1; level <= _depth; level++)
        {
            Widen(level - 1, first, last, ref from, ref to);
            int node = first >> FanShift;
            int start = node << (LeafMap.LeafShift + (FanShift * level));
            int end = start + (int)Size(level, node);
            LeafRuns old = Runs(level, node);
            LeafRuns runs = new(from == start ? (uint)(to - start) : old.Prefix, Math.Max(old.Max, (uint)(to - from)), to == end ? (uint)(end - from) : old.Suffix);
            if (runs == old)
            {
                return;
            }

            Write(level, node, runs);
            first = node;
            last = node;
        }
    }

    /// <summary>The words of the eight leaves that a leaf is one of, as they are before it changes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Vector256<int> WordsAround(int leaf) => _map.Load(FirstLeaf + ((leaf - FirstLeaf) & ~(Lanes - 1)));

    /// <summary>
    /// Takes notice of a block that was allocated. It was cut out of one free run, so a node has to be put together anew only where that run was its longest.
    /// Eight numbers that are loaded at once right after one of them was written would have to wait until that is through to the cache; so what was there <paramref name="before"/> is asked for,
    /// and on the way up each eight are loaded before one is written.
    /// </summary>
    /// <param name="before">The <see cref="WordsAround"/> the first leaf before it was changed.</param>
    /// <param name="granule">The block's first granule.</param>
    /// <param name="count">Its granules.</param>
    /// <param name="left">Where the run began, or the leaf that the block starts in.</param>
    /// <param name="right">Where the run ended, or the leaf that the block ends in.</param>
    internal void Shrink(Vector256<int> before, int granule, int count, int left, int right)
    {
        int block = granule - FirstGranule;
        int first = block >> LeafMap.LeafShift;
        int last = (block + count - 1) >> LeafMap.LeafShift;
        if ((first ^ last) >= Lanes || last >= LeafCount)
        {
            Refresh(FirstLeaf + first, FirstLeaf + last);
            return;
        }

        WriteOnce();
        int from = left - FirstGranule;
        int to = right - FirstGranule;
        int family = first & ~(Lanes - 1);
        Vector256<int> words = With(before, last - family, _map.Words[FirstLeaf + last]);
        for (int leaf = first; leaf < last; leaf++)
        {
            words = With(words, leaf - family, _map.Words[FirstLeaf + leaf]);
        }

        LeafMap.Runs(words, LeafCount - family, out Vector256<int> prefix, out Vector256<int> max, out Vector256<int> suffix);
        for (int level = 1; ; level++)
        {
            Widen(level - 1, first, last, ref from, ref to);
            int node = first >> FanShift;
            int start = node << (LeafMap.LeafShift + (FanShift * level));
            int end = start + (int)Size(level, node);
            LeafRuns old = Runs(level, node);
            LeafRuns runs = (uint)(to - from) < old.Max
                ? new(from == start ? (uint)(block - start) : old.Prefix, old.Max, to == end ? (uint)(end - block - count) : old.Suffix)
                : Merge(level, node, prefix, max, suffix);
            if (runs == old)
            {
                return;
            }

            if (level == _depth)
            {
                Write(level, node, runs);
                return;
            }

            Load(level, node >> FanShift, out prefix, out max, out suffix);
            Write(level, node, runs);
            int lane = node & (Lanes - 1);
            prefix = With(prefix, lane, runs.Prefix);
            max = With(max, lane, runs.Max);
            suffix = With(suffix, lane, runs.Suffix);
            first = node;
            last = node;
        }
    }

    /// <summary>Takes notice of any number of changed leaves, by their numbers in the map, from below up to where nothing changes any more.</summary>
    internal void Refresh(int firstLeaf, int lastLeaf)
    {
        WriteOnce();
        int first = Math.Max(0, firstLeaf - FirstLeaf);
        int last = Math.Min(LeafCount - 1, lastLeaf - FirstLeaf);
        for (int level = 1; level <= _depth; level++)
        {
            first >>= FanShift;
            last >>= FanShift;
            bool changed = false;
            for (int node = first; node <= last; node++)
            {
                LeafRuns runs = Merge(level, node);
                if (runs != Runs(level, node))
                {
                    Write(level, node, runs);
                    changed = true;
                }
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

    /// <summary>Puts a run that goes from a child to a child together with what is free beside it in their node.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Widen(int level, int first, int last, ref int from, ref int to)
    {
        int shift = LeafMap.LeafShift + (FanShift * level);
        if (from == first << shift && (first & (Lanes - 1)) != 0)
        {
            from -= FreeBefore(level, first);
        }

        if (to == (last + 1) << shift && ((last + 1) & (Lanes - 1)) != 0)
        {
            to += FreeBehind(level, last);
        }
    }

    private int FreeBefore(int level, int child)
    {
        uint free = 0;
        uint size = (uint)LeafMap.LeafGranules << (FanShift * level);
        uint suffix = size;
        while ((child & (Lanes - 1)) != 0 && suffix == size)
        {
            suffix = Runs(level, --child).Suffix;
            free += suffix;
        }

        return (int)free;
    }

    private int FreeBehind(int level, int child)
    {
        uint free = 0;
        uint size = (uint)LeafMap.LeafGranules << (FanShift * level);
        uint prefix = size;
        while ((++child & (Lanes - 1)) != 0 && child < _counts[level] && prefix == size)
        {
            prefix = Runs(level, child).Prefix;
            free += prefix;
        }

        return (int)free;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> With(Vector256<int> numbers, int lane, uint number)
        => Vector256.ConditionalSelect(Vector256.Equals(Vector256<int>.Indices, Vector256.Create(lane)), Vector256.Create((int)number), numbers);

    private LeafRuns Merge(int level, int index)
    {
        Load(level - 1, index, out Vector256<int> prefix, out Vector256<int> max, out Vector256<int> suffix);
        return Merge(level, index, prefix, max, suffix);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private LeafRuns Merge(int level, int index, Vector256<int> prefix, Vector256<int> max, Vector256<int> suffix)
    {
        int child = index << FanShift;
        int count = Math.Min(Lanes, _counts[level - 1] - child);
        uint size = (uint)LeafMap.LeafGranules << (FanShift * (level - 1));
        uint whole = Vector256.Equals(prefix, Vector256.Create((int)size)).ExtractMostSignificantBits();
        if (child + count == _counts[level - 1] && Runs(level - 1, child + count - 1).Prefix == Size(level - 1, child + count - 1))
        {
            // The last child of a level may be shorter than the others.
            whole |= 1u << (count - 1);
        }

        if (whole != 0)
        {
            return MergeAroundWhole(level, index, count, whole);
        }

        // No run goes through a whole child, so the longest lies in one or where two meet.
        Vector256<int> next = Vector256.Shuffle(prefix, Vector256.Create(1, 2, 3, 4, 5, 6, 7, Lanes));
        Vector256<int> longest = Vector256.Max(max, suffix + next);
        Vector128<int> half = Vector128.Max(longest.GetLower(), longest.GetUpper());
        half = Vector128.Max(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
        half = Vector128.Max(half, Vector128.Shuffle(half, Vector128.Create(1, 0, 3, 2)));
        return new LeafRuns((uint)prefix.ToScalar(), (uint)half.ToScalar(), count == Lanes ? (uint)suffix.GetElement(Lanes - 1) : Runs(level - 1, child + count - 1).Suffix);
    }

    /// <summary>Merges children of which some, those in <paramref name="whole"/>, are free as a whole, going from one that is not to the next.</summary>
    private LeafRuns MergeAroundWhole(int level, int index, int count, uint whole)
    {
        int child = index << FanShift;
        uint size = (uint)LeafMap.LeafGranules << (FanShift * (level - 1));
        uint rest = ~whole & ((1u << count) - 1);
        if (rest == 0)
        {
            return LeafRuns.Full(Size(level, index));
        }

        uint prefix = 0;
        uint max = 0;
        uint carried = 0;
        int after = 0;
        for (; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            LeafRuns runs = Runs(level - 1, child + lane);
            carried += ((uint)(lane - after) * size) + runs.Prefix;
            prefix = after == 0 ? carried : prefix;
            max = Math.Max(max, Math.Max(carried, runs.Max));
            carried = runs.Suffix;
            after = lane + 1;
        }

        carried += after == count ? 0 : Size(level, index) - ((uint)after * size);
        return new LeafRuns(prefix, Math.Max(max, carried), carried);
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

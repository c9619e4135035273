using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DimensionStore.Memory;

/// <summary>How a change goes up the tree.</summary>
internal sealed unsafe partial class MembraneTree
{
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
}

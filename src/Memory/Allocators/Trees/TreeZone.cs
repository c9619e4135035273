using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DimensionStore.Memory;

/// <summary>One zone: its part of the leaves, its membranes and its counters. Everything under <see cref="Lock"/>.</summary>
internal sealed unsafe class TreeZone(int level, LeafMap map)
{
    // How many runs that fit by length but not by alignment are looked at before a run that fits at any address is taken instead.
    private const int AlignedAttempts = 16;

    // The last level has nearly all of the memory, and is where a block goes that names no level.
    private const int MostEndedPlacesLog = 8;
    private const int EndedPlacesLog = 5;

    // Of a membrane, used or not: its place among the others, where it begins and its longest free run. Of one that is used also the object, with the header that the runtime gives it.
    private const int PlaceBytes = 8 + sizeof(int) + sizeof(uint);
    private const int MembraneBytes = 80;

    internal AllocatorLock Lock;

    private int[] _firstLeaves = [];
    private MembraneTree.Shape? _smaller;
    private MembraneTree.Shape? _larger;
    private MembraneTree.Family* _families;

    // How many membranes there are to a leaf, times 2^32.
    private ulong _membranesPerLeaf;
    private long _metadataBytes;

    internal int Level { get; } = level;

    internal int FirstLeaf { get; private set; }

    internal int LeafCount { get; private set; }

    internal int EndLeaf => FirstLeaf + LeafCount;

    /// <summary>No leaf from here on was ever committed: what looks at all leaves stops here. First fit keeps it low.</summary>
    internal int TopLeaf { get; set; }

    internal int FirstGranule => FirstLeaf << LeafMap.LeafShift;

    internal int EndGranule => EndLeaf << LeafMap.LeafShift;

    /// <summary>The membranes; null for one in which no block has ever been.</summary>
    internal MembraneTree?[] Membranes { get; set; } = [];

    /// <summary>Bytes of the membranes that are used, of places for all, and of <see cref="Ended"/>. May be read without the lock.</summary>
    internal long MetadataBytes => Volatile.Read(ref _metadataBytes);

    /// <summary>The longest free run of each membrane, side by side, because a search looks at them one after the other.</summary>
    internal uint[] LongestFree { get; private set; } = [];

    /// <summary>Blocks of this zone that were freed lately; null before there was one.</summary>
    internal LastLives? Ended { get; private set; }

    internal long AllocationCount { get; set; }

    internal long FreeCount { get; set; }

    internal long LiveBlocks { get; set; }

    internal long LiveGranules { get; set; }

    internal long UnusedBytes { get; set; }

    internal long FreeRuns { get; set; }

    internal long CommittedLeaves { get; set; }

    internal long IdleLeaves { get; set; }

    internal long AllocationTicks { get; set; }

    internal long AllocationSamples { get; set; }

    internal long FreeTicks { get; set; }

    internal long FreeSamples { get; set; }

    /// <summary>Takes a part of the leaves and divides it into membranes that differ by one unit at most. Counters about blocks are for the caller to set.</summary>
    /// <param name="firstLeaf">First leaf.</param>
    /// <param name="leafCount">Leaves.</param>
    /// <param name="topLeaf">The <see cref="TopLeaf"/>.</param>
    /// <param name="membranes">Membranes.</param>
    /// <param name="unitLeaves">Leaves that a membrane begins at a multiple of.</param>
    /// <param name="families">Room for the trees.</param>
    internal void Lay(int firstLeaf, int leafCount, int topLeaf, int membranes, int unitLeaves, MembraneTree.Family* families)
    {
        long units = leafCount / unitLeaves;
        _smaller = new MembraneTree.Shape((int)(units / membranes) * unitLeaves);
        _larger = new MembraneTree.Shape(((int)(units / membranes) + 1) * unitLeaves);
        _families = families;
        Membranes = new MembraneTree?[membranes];
        _membranesPerLeaf = ((ulong)membranes << 32) / (uint)leafCount;
        _firstLeaves = new int[membranes];
        LongestFree = new uint[membranes];
        FirstLeaf = firstLeaf;
        LeafCount = leafCount;
        TopLeaf = topLeaf;
        for (int i = 0; i < membranes; i++)
        {
            _firstLeaves[i] = firstLeaf + ((int)(i * units / membranes) * unitLeaves);
        }

        for (int i = 0; i < membranes; i++)
        {
            LongestFree[i] = (uint)LeafCountOf(i) << LeafMap.LeafShift;
        }

        CountMetadata();
        for (int i = 0; i < membranes && _firstLeaves[i] < topLeaf; i++)
        {
            Membrane(i);
        }

        UpdateAll();
    }

    /// <summary>A membrane, which is made when it is first asked for: by the first block that comes to lie in it, before anything is marked.</summary>
    internal MembraneTree Membrane(int i) => Membranes[i] ?? Create(i);

    internal int FirstLeafOf(int i) => _firstLeaves[i];

    internal int LeafCountOf(int i) => (i + 1 < _firstLeaves.Length ? _firstLeaves[i + 1] : EndLeaf) - _firstLeaves[i];

    /// <summary>Makes the membranes that a block will lie in, so that marking it cannot fail half-way.</summary>
    internal void PrepareMembranes(int i, int lastLeaf)
    {
        for (; i < Membranes.Length && _firstLeaves[i] <= lastLeaf; i++)
        {
            Membrane(i);
        }
    }

    /// <summary>Remembers more of the blocks that were freed lately when the zone has become large: as many as half its committed leaves, up to 256, and only in the last level.</summary>
    internal void GrowEnded()
    {
        if (Level == TreeZoneAllocator.LevelCount - 1 && Ended is { } ended)
        {
            ended.TryGrow(Math.Clamp(BitOperations.Log2((ulong)CommittedLeaves | 1) - 1, EndedPlacesLog, MostEndedPlacesLog));
            CountMetadata();
        }
    }

    /// <summary>Takes notice of whatever has changed in leaves that were ever committed.</summary>
    internal void UpdateAll()
    {
        if (TopLeaf > FirstLeaf)
        {
            Refresh(0, FirstLeaf, TopLeaf - 1);
        }
    }

    internal int MembraneOf(int granule)
    {
        // Membranes are equal parts but for a unit, so this is off by one at most. A division would take longer than all the rest.
        int leaf = granule >> LeafMap.LeafShift;
        int[] firsts = _firstLeaves;
        int i = (int)(((uint)(leaf - FirstLeaf) * _membranesPerLeaf) >> 32);
        while (i > 0 && firsts[i] > leaf)
        {
            i--;
        }

        while (i < firsts.Length - 1 && firsts[i + 1] <= leaf)
        {
            i++;
        }

        return i;
    }

    /// <summary>
    /// First fit: the lowest granule of the lowest membrane that has room; where no membrane has, the lowest one from which a run across membranes has. −1 when the zone has no such run.
    /// </summary>
    /// <param name="count">Granules.</param>
    /// <param name="alignment">In granules, a power of two.</param>
    /// <param name="committedOnly">Whether every leaf must be committed already.</param>
    /// <param name="membrane">The only membrane to look in, or −1.</param>
    internal int Find(int count, int alignment, bool committedOnly, int membrane)
    {
        uint[] longest = LongestFree;
        int end = membrane < 0 ? longest.Length : membrane + 1;
        for (int i = Math.Max(membrane, 0); i < end; i++)
        {
            int skipped = longest.AsSpan(i, end - i).IndexOfAnyInRange((uint)count, uint.MaxValue);
            if (skipped < 0)
            {
                break;
            }

            i += skipped;
            int found = alignment == 1 && !committedOnly ? Membrane(i).FindFirst(count) : FindWhere(Membrane(i), count, alignment, committedOnly);
            if (found >= 0)
            {
                return found;
            }
        }

        return membrane < 0 && Membranes.Length > 1 ? FindAcross(count, alignment, committedOnly) : -1;
    }

    /// <summary>Takes notice of a block that was freed and that starts in membrane <paramref name="i"/>.</summary>
    internal void Grow(int i, int granule, int count, int left, int right)
    {
        MembraneTree membrane = Membranes[i]!;
        membrane.Grow(granule >> LeafMap.LeafShift, (granule + count - 1) >> LeafMap.LeafShift, left, right);
        TakeOver(i, membrane, granule, count);
    }

    /// <summary>Takes notice of a block that was allocated and that starts in membrane <paramref name="i"/>.</summary>
    internal void Shrink(int i, Vector256<int> before, int granule, int count, int left, int right)
    {
        MembraneTree membrane = Membranes[i]!;
        membrane.Shrink(before, granule, count, left, right);
        TakeOver(i, membrane, granule, count);
    }

    /// <summary>Takes notice of leaves that have changed; the first lies in membrane <paramref name="i"/> or below it.</summary>
    internal void Refresh(int i, int firstLeaf, int lastLeaf)
    {
        do
        {
            // In one that is not used nothing can have changed.
            if (Membranes[i] is { } membrane)
            {
                membrane.Refresh(firstLeaf, lastLeaf);
                LongestFree[i] = membrane.Root.Max;
            }

            i++;
        }
        while (i < Membranes.Length && _firstLeaves[i] <= lastLeaf);
    }

    /// <summary>How many free runs of this zone the range touches that lie before and behind it.</summary>
    /// <param name="granule">First granule.</param>
    /// <param name="end">Behind the last.</param>
    /// <param name="left">Where the free run that it lies or lay in begins, or the leaf it begins in.</param>
    /// <param name="right">Where that ends, or the leaf it ends in.</param>
    internal int FreeBeside(int granule, int end, int left, int right)
        => (left < granule || IsFreeAcross(granule, granule - 1) ? 1 : 0) + (right > end || IsFreeAcross(end, end) ? 1 : 0);

    private bool IsFreeAcross(int edge, int granule)
        => (edge & (LeafMap.LeafGranules - 1)) == 0 && granule >= FirstGranule && granule < EndGranule && map.IsFree(granule);

    /// <summary>Leaves of a range that are not committed.</summary>
    internal int CountUncommitted(int firstLeaf, int lastLeaf)
    {
        int missing = 0;
        for (int leaf = firstLeaf; leaf <= lastLeaf; leaf++)
        {
            missing += (map.Words[leaf] & LeafMap.Committed) == 0 ? 1 : 0;
        }

        return missing;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private MembraneTree Create(int i)
    {
        Ended ??= new LastLives(EndedPlacesLog);
        int leaves = LeafCountOf(i);
        MembraneTree.Shape shape = leaves == _smaller!.Counts[0] ? _smaller : _larger!;
        MembraneTree created = new(map, _firstLeaves[i], shape, _families + ((long)i * _larger!.FamilyCount));
        Membranes[i] = created;
        CountMetadata();
        return created;
    }

    private void CountMetadata()
    {
        long bytes = (Membranes.Length * (long)PlaceBytes) + (Ended?.Bytes ?? 0);
        foreach (MembraneTree? membrane in Membranes)
        {
            bytes += membrane is null ? 0 : MembraneBytes + membrane.NodeBytes;
        }

        Volatile.Write(ref _metadataBytes, bytes);
    }

    private void TakeOver(int i, MembraneTree membrane, int granule, int count)
    {
        LongestFree[i] = membrane.Root.Max;
        if (granule + count > membrane.FirstGranule + membrane.Granules)
        {
            Refresh(i + 1, granule >> LeafMap.LeafShift, (granule + count - 1) >> LeafMap.LeafShift);
        }
    }

    private int FindWhere(MembraneTree membrane, int count, int alignment, bool committedOnly)
    {
        if (alignment > 1 && !committedOnly)
        {
            int found = FindFrom(membrane, count, alignment, committedOnly: false, AlignedAttempts);
            if (found != -1)
            {
                return Math.Max(found, -1);
            }

            if (count <= int.MaxValue - alignment && membrane.Root.Max >= count + alignment - 1)
            {
                return AlignUp(membrane.FindFirst(count + alignment - 1), alignment);
            }
        }

        return Math.Max(FindFrom(membrane, count, alignment, committedOnly, int.MaxValue), -1);
    }

    /// <summary>Looks at runs from the lowest on; −1 when the attempts are used up, −2 when there is no more run.</summary>
    private int FindFrom(MembraneTree membrane, int count, int alignment, bool committedOnly, int attempts)
    {
        int from = membrane.FirstGranule;
        int end = membrane.FirstGranule + membrane.Granules;
        while (attempts-- > 0)
        {
            int run = membrane.Find(from, count);
            if (run < 0)
            {
                return -2;
            }

            int start = AlignUp(run, alignment);
            if (start > end - count)
            {
                return -2;
            }

            int used = start == run ? end : map.FirstUsed(run + count, start + count);
            if (start != run && used < start + count)
            {
                from = used + 1;
                continue;
            }

            int uncommitted = committedOnly ? LastUncommitted(start, count) : -1;
            if (uncommitted < 0)
            {
                return start;
            }

            from = (uncommitted + 1) << LeafMap.LeafShift;
        }

        return -1;
    }

    private int LastUncommitted(int start, int count)
    {
        for (int leaf = (start + count - 1) >> LeafMap.LeafShift; leaf >= start >> LeafMap.LeafShift; leaf--)
        {
            if ((map.Words[leaf] & LeafMap.Committed) == 0)
            {
                return leaf;
            }
        }

        return -1;
    }

    private int FindAcross(int count, int alignment, bool committedOnly)
    {
        long wanted = (long)count + alignment - 1;
        long carried = 0;
        for (int i = 0; i < Membranes.Length; i++)
        {
            int granules = LeafCountOf(i) << LeafMap.LeafShift;
            LeafRuns runs = Membranes[i] is { } membrane ? membrane.Root : LeafRuns.Full((uint)granules);
            if (carried > 0 && carried + runs.Prefix >= wanted)
            {
                int start = AlignUp((_firstLeaves[i] << LeafMap.LeafShift) - (int)carried, alignment);
                if (!committedOnly || LastUncommitted(start, count) < 0)
                {
                    return start;
                }
            }

            carried = runs.Prefix == granules ? carried + runs.Prefix : runs.Suffix;
        }

        return -1;
    }

    private static int AlignUp(int granule, int alignment) => (granule + alignment - 1) & ~(alignment - 1);
}

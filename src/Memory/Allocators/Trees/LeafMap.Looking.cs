using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>What granules are: free, used, the start or the end of a block.</summary>
internal sealed unsafe partial class LeafMap
{
    /// <summary>The leaf's free granules as set bits.</summary>
    internal void CopyFree(int leaf, ulong* free)
    {
        uint word = Words[leaf];
        ulong* used = Used(leaf);
        for (int i = 0; i < LeafWords; i++)
        {
            free[i] = (word & Covered) != 0 ? 0 : (word & HasBits) == 0 ? ulong.MaxValue : ~used[i];
        }
    }

    internal bool IsFree(int granule)
    {
        uint word = Words[granule >> LeafShift];
        return (word & Covered) == 0 && ((word & HasBits) == 0 || !Bit(Used(granule >> LeafShift), granule));
    }

    /// <summary>Whether a live block starts at a granule.</summary>
    internal bool IsLiveStart(int granule)
        => (Words[granule >> LeafShift] & (HasBits | Covered)) == HasBits && Bit(Used(granule >> LeafShift), granule) && Bit(Starts(granule >> LeafShift), granule);

    /// <summary>Whether the block that last started at a granule was freed and nothing has used the granule since.</summary>
    internal bool IsFormerStart(int granule)
        => (Words[granule >> LeafShift] & (HasBits | Covered)) == HasBits && !Bit(Used(granule >> LeafShift), granule) && Bit(Starts(granule >> LeafShift), granule);

    /// <summary>The start of the live block that a used granule lies in.</summary>
    internal int StartOf(int granule)
    {
        while (granule > 0 && !IsLiveStart(granule))
        {
            granule = (Words[granule >> LeafShift] & Covered) != 0 ? (granule & ~(LeafGranules - 1)) - 1 : granule - 1;
        }

        return granule;
    }

    /// <summary>The first used granule from <paramref name="from"/> to before <paramref name="end"/>, else <paramref name="end"/>.</summary>
    internal int FirstUsed(int from, int end) => Walk(from, end, wanted: true);

    /// <summary>The first free granule from <paramref name="from"/> to before <paramref name="end"/>, else <paramref name="end"/>.</summary>
    internal int FirstFree(int from, int end) => Walk(from, end, wanted: false);

    /// <summary>The granule behind the live block that starts at <paramref name="start"/>; the zone ends at <paramref name="end"/>.</summary>
    internal int EndOf(int start, int end)
    {
        int granule = start + 1;
        while (granule < end)
        {
            int leaf = granule >> LeafShift;
            uint word = Words[leaf];
            if ((word & Covered) != 0)
            {
                granule = (leaf + (int)(word & RunsMask)) << LeafShift;
                continue;
            }

            if ((word & HasBits) == 0)
            {
                return granule;
            }

            int stop = Math.Min(end, (leaf + 1) << LeafShift);
            ulong* used = Used(leaf);
            ulong* starts = Starts(leaf);
            while (granule < stop)
            {
                int i = (granule & (LeafGranules - 1)) >> 6;
                ulong ends = (~used[i] | starts[i]) & (ulong.MaxValue << (granule & 63));
                if (ends != 0)
                {
                    return (leaf << LeafShift) + (i << 6) + BitOperations.TrailingZeroCount(ends);
                }

                granule = (granule | 63) + 1;
            }
        }

        return end;
    }

    /// <summary>Bytes of the last granule that were not asked for; 0 where that was not kept.</summary>
    internal int UnusedOf(int granule, int count)
    {
        int code = *TailOf(granule, out int shift) >> shift;
        return IsWide(granule, count) ? code & 15 : (code & 3) * 4;
    }

    /// <summary>Whether a block could have been asked for with so many bytes of its last granule unused.</summary>
    internal bool CouldHaveUnused(int granule, int count, int unused)
    {
        int kept = UnusedOf(granule, count);
        return kept == unused || (kept == 0 && !IsWide(granule, count) && (unused & 3) != 0);
    }

    /// <summary>The first start of a live block from <paramref name="from"/> to before <paramref name="end"/>, else <paramref name="end"/>.</summary>
    internal int NextLiveStart(int from, int end)
    {
        while (from < end)
        {
            int leaf = from >> LeafShift;
            int stop = Math.Min(end, (leaf + 1) << LeafShift);
            if ((Words[leaf] & (Covered | HasBits)) == HasBits)
            {
                for (int granule = from; granule < stop; granule = (granule | 63) + 1)
                {
                    int i = (granule & (LeafGranules - 1)) >> 6;
                    ulong hits = Used(leaf)[i] & Starts(leaf)[i] & (ulong.MaxValue << (granule & 63));
                    if (hits != 0)
                    {
                        return Math.Min(end, (leaf << LeafShift) + (i << 6) + BitOperations.TrailingZeroCount(hits));
                    }
                }
            }

            from = stop;
        }

        return end;
    }

    /// <summary>Whether the runs in a leaf's word are those of its bits.</summary>
    internal bool AreRunsRight(int leaf)
    {
        uint word = Words[leaf];
        if ((word & (Covered | HasBits)) != HasBits)
        {
            return true;
        }

        ulong* free = stackalloc ulong[LeafWords];
        CopyFree(leaf, free);
        return LeafRuns.Of(free) == Runs(word);
    }

    private int Walk(int from, int end, bool wanted)
    {
        while (from < end)
        {
            int leaf = from >> LeafShift;
            int stop = Math.Min(end, (leaf + 1) << LeafShift);
            uint word = Words[leaf];
            if ((word & (Covered | HasBits)) != HasBits)
            {
                if ((word & Covered) != 0 == wanted)
                {
                    return from;
                }

                from = stop;
                continue;
            }

            ulong* used = Used(leaf);
            while (from < stop)
            {
                int i = (from & (LeafGranules - 1)) >> 6;
                ulong hits = (wanted ? used[i] : ~used[i]) & (ulong.MaxValue << (from & 63));
                if (hits != 0)
                {
                    return Math.Min(end, (leaf << LeafShift) + (i << 6) + BitOperations.TrailingZeroCount(hits));
                }

                from = (from | 63) + 1;
            }
        }

        return end;
    }
}

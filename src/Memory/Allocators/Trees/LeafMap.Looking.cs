using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DimensionStore.Memory;

/// <summary>What granules are: free, used, the start or the end of a block.</summary>
internal sealed unsafe partial class LeafMap
{
    /// <summary>The leaf's free granules as set bits.</summary>
    internal Vector256<ulong> Free(int leaf)
    {
        uint word = Words[leaf];
        return (word & Covered) != 0 ? Vector256<ulong>.Zero : (word & HasBits) == 0 ? Vector256<ulong>.AllBitsSet : ~Vector256.Load(Used(leaf));
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
        int leaf = start >> LeafShift;
        int behind = LeafBits.First(Ends(leaf) & LeafBits.From((start & (LeafGranules - 1)) + 1));
        while (behind == LeafGranules)
        {
            leaf++;
            uint word = leaf << LeafShift < end ? Words[leaf] : 0;
            leaf += (word & Covered) != 0 ? (int)(word & RunsMask) - 1 : 0;
            behind = (word & Covered) != 0 ? LeafGranules : (word & HasBits) != 0 ? LeafBits.First(Ends(leaf)) : 0;
        }

        return (leaf << LeafShift) + behind;
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

    /// <summary>Whether the runs in a leaf's word are those of its bits. Counts them one after the other, so that a mistake in how they are kept is not made here again.</summary>
    internal bool AreRunsRight(int leaf)
    {
        uint word = Words[leaf];
        if ((word & (Covered | HasBits)) != HasBits)
        {
            return true;
        }

        int begin = leaf << LeafShift;
        int end = begin + LeafGranules;
        int prefix = FirstUsed(begin, end) - begin;
        int max = 0;
        int suffix = 0;
        for (int free = FirstFree(begin, end); free < end;)
        {
            int behind = FirstUsed(free, end);
            max = Math.Max(max, behind - free);
            suffix = behind == end ? end - free : 0;
            free = FirstFree(behind, end);
        }

        return new LeafRuns((uint)prefix, (uint)max, (uint)suffix) == Runs(word);
    }

    /// <summary>Where a block cannot go on: a granule that is free or that another block starts at.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<ulong> Ends(int leaf) => ~Vector256.Load(Used(leaf)) | Vector256.Load(Starts(leaf));

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

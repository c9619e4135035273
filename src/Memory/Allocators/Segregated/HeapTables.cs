using System.Numerics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// What a <see cref="SegregatedHeap"/> knows about its memory, in a reservation of its own: nothing a user writes, rightly or wrongly, can change it.
/// Committed as the heap grows, 256 KiB of heap at a time.
/// </summary>
internal sealed unsafe partial class HeapTables : IDisposable
{
    /// <summary>Heap pages whose tables are given back together: 2 MiB.</summary>
    internal const uint StepPages = 512;

    private const int BucketStride = 64;
    private const int SlicesPerPage = 4;

    private readonly nint _reservation;
    private readonly nuint _reservedBytes;
    private readonly ulong[] _emptied;
    private ulong* _hints;
    private ulong* _upper;
    private ulong* _top;
    private int _topWords;
    private ulong _filled;

    /// <summary>Reserves the tables for a number of heap pages and commits the first page of them.</summary>
    internal HeapTables(uint pages)
    {
        Pages = pages;
        ReservedBytes = Whole(HeadBytes) + Whole(LinesBytes(pages));
        for (int part = 0; part < Parts; part++)
        {
            ReservedBytes += Whole(PartBytes(part, pages));
        }

        _reservedBytes = (nuint)ReservedBytes;
        _reservation = VirtualMemory.Reserve(_reservedBytes);
        try
        {
            VirtualMemory.Commit(_reservation, (nuint)Whole(HeadBytes));
        }
        catch
        {
            VirtualMemory.Release(_reservation, _reservedBytes);
            throw;
        }

        Lines = (ulong*)(_reservation + (nint)Whole(HeadBytes));
        _emptied = new ulong[((pages / StepPages) + 64) / 64];
        Place(0, 0);
    }

    /// <summary>Pages the heap may ever have.</summary>
    internal uint Pages { get; }

    /// <summary>Pages whose tables are committed; those behind have never been part of the heap.</summary>
    internal uint KnownPages { get; private set; }

    /// <summary>Per page 8 words: 256 bits that say where a block starts, then 256 that say which of those blocks are free. One cache line.</summary>
    internal ulong* Lines { get; }

    /// <summary>Per page what the bits do not tell.</summary>
    /// <remarks>They move when the heap becomes known to be larger, and stay where they are after <see cref="SettleSpans"/>.</remarks>
    internal PageSpan* Spans { get; private set; }

    /// <summary>One bit per known page: committed.</summary>
    internal ulong* CommittedPages { get; private set; }

    /// <summary>Free blocks above 64 KiB.</summary>
    internal LargeBlockTree Tree { get; private set; }

    /// <summary>Buckets with a hint, as bits.</summary>
    internal ulong Filled => _filled;

    /// <summary>Bytes of address space.</summary>
    internal long ReservedBytes { get; }

    /// <summary>Whether a page is committed. For any page number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool IsCommitted(uint page) => page < KnownPages && (CommittedPages[page >> 6] >> (int)(page & 63) & 1) != 0;

    /// <summary>Notes that a page was committed or given back.</summary>
    internal void SetCommitted(uint page, bool committed)
    {
        ulong bit = 1UL << (int)(page & 63);
        CommittedPages[page >> 6] = committed ? CommittedPages[page >> 6] | bit : CommittedPages[page >> 6] & ~bit;
        uint step = page / StepPages;
        if (committed && IsEmptied(step))
        {
            _emptied[step >> 6] &= ~(1UL << (int)(step & 63));
            _emptiedSteps--;
        }
    }

    /// <summary>Notes that a free block of a bucket starts in a slice of 64 granules.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void AddHint(int bucket, uint slice)
    {
        ulong* word = HintWord(bucket, slice >> 6);
        ulong before = *word;
        *word = before | (1UL << (int)(slice & 63));
        if (before == 0)
        {
            AddUpperHint(bucket, slice >> 6);
        }
    }

    /// <summary>Whether a slice has a hint in a bucket.</summary>
    internal bool HasHint(int bucket, uint slice) => (*HintWord(bucket, slice >> 6) >> (int)(slice & 63) & 1) != 0;

    /// <summary>Takes a hint back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RemoveHint(int bucket, uint slice)
    {
        ulong* word = HintWord(bucket, slice >> 6);
        ulong left = *word & ~(1UL << (int)(slice & 63));
        *word = left;
        if (left == 0)
        {
            RemoveUpperHint(bucket, slice >> 6);
        }
    }

    /// <summary>The first slice of the lowest group of 64 with a hint in a bucket that has one, and the hints of that group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint FirstGroup(int bucket, out ulong group)
    {
        ulong* top = &_top[(nuint)bucket * (nuint)_topWords];
        uint i = 0;
        while (top[i] == 0)
        {
            i++;
        }

        uint upper = (i << 6) + (uint)BitOperations.TrailingZeroCount(top[i]);
        uint number = (upper << 6) + (uint)BitOperations.TrailingZeroCount(*UpperWord(bucket, upper));
        group = *HintWord(bucket, number);
        return number << 6;
    }

    /// <summary>Forgets all blocks and hints; what is committed stays so.</summary>
    internal void Clear()
    {
        new Span<ulong>(_top, _topWords * BucketStride).Clear();
        for (uint page = 0; page < KnownPages; page += StepPages)
        {
            // What was given back is zero and is not touched, lest it come back.
            if (!IsEmptied(page / StepPages))
            {
                uint pages = Math.Min(StepPages, KnownPages - page);
                new Span<ulong>(Lines + ((nuint)page * 8), (int)pages * 8).Clear();
                new Span<PageSpan>(Spans + page, (int)pages).Clear();
                new Span<ulong>(HintWord(0, page * SlicesPerPage / 64), (int)Groups(pages) * BucketStride).Clear();
            }
        }

        new Span<ulong>(_upper, checked((int)UpperWords(KnownPages) * BucketStride)).Clear();
        _filled = 0;
        if (KnownPages > 0)
        {
            Tree.Clear();
        }
    }

    /// <summary>Gives the tables back. Once.</summary>
    public void Dispose() => VirtualMemory.Release(_reservation, _reservedBytes);

    // The buckets of 64 slices lie side by side, and so do those of 64 groups, so that a small heap touches few pages of hints.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong* HintWord(int bucket, uint group) => _hints + (((nuint)group * BucketStride) + (nuint)bucket);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong* UpperWord(int bucket, uint upper) => _upper + (((nuint)upper * BucketStride) + (nuint)bucket);

    private void AddUpperHint(int bucket, uint group)
    {
        *UpperWord(bucket, group >> 6) |= 1UL << (int)(group & 63);
        _top[((nuint)bucket * (nuint)_topWords) + (group >> 12)] |= 1UL << (int)((group >> 6) & 63);
        _filled |= 1UL << bucket;
    }

    private void RemoveUpperHint(int bucket, uint group)
    {
        ulong* upper = UpperWord(bucket, group >> 6);
        *upper &= ~(1UL << (int)(group & 63));
        if (*upper != 0)
        {
            return;
        }

        ulong* top = &_top[(nuint)bucket * (nuint)_topWords];
        top[group >> 12] &= ~(1UL << (int)((group >> 6) & 63));
        for (int i = 0; i < _topWords; i++)
        {
            if (top[i] != 0)
            {
                return;
            }
        }

        _filled &= ~(1UL << bucket);
    }

    /// <summary>What the bits of a page do not tell about blocks that reach over its end.</summary>
    internal struct PageSpan
    {
        /// <summary>Granules of the last block that starts in the page. Always right: that block reaches the page's end at least.</summary>
        internal uint Length;

        /// <summary>One more than the start of the block that comes in from an earlier page and ends in this one; 0 where nothing comes in, and undefined where a block only passes through.</summary>
        internal uint ComesInFrom;
    }
}

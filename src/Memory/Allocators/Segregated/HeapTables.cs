using System.Numerics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// What a <see cref="SegregatedHeap"/> knows about its memory, in a reservation of its own: nothing a user writes, rightly or wrongly, can change it.
/// Committed as the heap grows, 2 MiB of heap at a time.
/// </summary>
internal sealed unsafe class HeapTables : IDisposable
{
    /// <summary>Heap pages whose tables are committed together.</summary>
    internal const uint StepPages = 512;

    private const int BucketStride = 64;
    private const int SlicesPerPage = 4;

    private readonly nint _reservation;
    private readonly nuint _reservedBytes;
    private readonly nint _treeNodes;
    private readonly ulong* _hints;
    private readonly ulong* _upper;
    private readonly ulong* _top;
    private readonly int _topWords;
    private readonly long _fixedBytes;
    private readonly ulong[] _emptied;
    private long _extendedBytes;
    private long _emptiedSteps;
    private ulong _filled;

    /// <summary>Reserves the tables for a number of heap pages and commits what does not grow.</summary>
    internal HeapTables(uint pages)
    {
        Pages = pages;
        long steps = (pages + StepPages - 1) / StepPages;
        _topWords = (int)((UpperWords(steps) + 63) / 64);
        long bitmap = (pages + 63L) / 64 * sizeof(ulong);
        long top = (long)_topWords * BucketStride * sizeof(ulong);
        _fixedBytes = Whole(bitmap + top);

        long lines = Whole(steps * StepPages * 64);
        long spans = Whole(steps * StepPages * sizeof(PageSpan));
        long hints = Whole(steps * HintBytesPerStep);
        long upper = Whole(UpperWords(steps) * BucketStride * sizeof(ulong));
        long nodes = Whole(LargeBlockTree.BytesFor(steps * StepPages * SegregatedHeap.PageGranules));
        ReservedBytes = _fixedBytes + lines + spans + hints + upper + nodes;
        _reservedBytes = (nuint)ReservedBytes;
        _reservation = VirtualMemory.Reserve(_reservedBytes);
        try
        {
            VirtualMemory.Commit(_reservation, (nuint)_fixedBytes);
        }
        catch
        {
            VirtualMemory.Release(_reservation, _reservedBytes);
            throw;
        }

        CommittedPages = (ulong*)_reservation;
        _top = (ulong*)(_reservation + (nint)bitmap);
        Lines = (ulong*)(_reservation + (nint)_fixedBytes);
        Spans = (PageSpan*)((nint)Lines + (nint)lines);
        _hints = (ulong*)((nint)Spans + (nint)spans);
        _upper = (ulong*)((nint)_hints + (nint)hints);
        _treeNodes = (nint)_upper + (nint)upper;
        Tree = new LargeBlockTree((void*)_treeNodes);
        _emptied = new ulong[(steps + 63) / 64];
    }

    /// <summary>Pages the heap may ever have.</summary>
    internal uint Pages { get; }

    /// <summary>Pages whose tables are committed; those behind have never been part of the heap.</summary>
    internal uint KnownPages { get; private set; }

    /// <summary>Per page 8 words: 256 bits that say where a block starts, then 256 that say which of those blocks are free. One cache line.</summary>
    internal ulong* Lines { get; }

    /// <summary>Per page what the bits do not tell.</summary>
    internal PageSpan* Spans { get; }

    /// <summary>One bit per page: committed.</summary>
    internal ulong* CommittedPages { get; }

    /// <summary>Free blocks above 64 KiB.</summary>
    internal LargeBlockTree Tree { get; }

    /// <summary>Buckets with a hint, as bits.</summary>
    internal ulong Filled => _filled;

    /// <summary>Bytes of address space.</summary>
    internal long ReservedBytes { get; }

    /// <summary>Bytes committed, without those that <see cref="GiveBackEmptied"/> gave back.</summary>
    internal long CommittedBytes => _fixedBytes + (_emptied.LongLength * sizeof(ulong)) + _extendedBytes - (_emptiedSteps * StepBytes);

    private static long StepBytes => (StepPages * (64 + sizeof(PageSpan))) + HintBytesPerStep;

    private static uint HintBytesPerStep => StepPages * SlicesPerPage / 64 * BucketStride * sizeof(ulong);

    /// <summary>Commits the tables for pages up to <paramref name="endPage"/>.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; the pages are as unknown as before.</exception>
    internal void Know(uint endPage)
    {
        if (endPage <= KnownPages)
        {
            return;
        }

        // An eighth ahead: a large heap that grows asks the system for tables once in many growths, since that takes a call for each table.
        long ahead = Math.Max(endPage, KnownPages + ((long)KnownPages / 8));
        uint known = (uint)Math.Min((ahead + StepPages - 1) / StepPages * StepPages, Pages);
        uint steps = (known + StepPages - 1) / StepPages;
        uint before = (KnownPages + StepPages - 1) / StepPages;
        long committed = 0;

        // A refusal in the middle leaves some tables longer than they need to be; committing those again does no harm.
        committed += Extend((nint)Lines, before, steps, StepPages * 64);
        committed += Extend((nint)Spans, before, steps, StepPages * (uint)sizeof(PageSpan));
        committed += Extend((nint)_hints, before, steps, HintBytesPerStep);
        committed += Extend((nint)_upper, 0, 1, (uint)Whole(UpperWords(steps) * BucketStride * sizeof(ulong)));
        committed += Extend(_treeNodes, 0, 1, (uint)Whole(LargeBlockTree.BytesFor((long)known * SegregatedHeap.PageGranules)));
        _extendedBytes = committed;
        KnownPages = known;
    }

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

    /// <summary>Whether no page is committed among those whose tables were committed in a step.</summary>
    internal bool IsUnused(uint step)
    {
        uint from = step * StepPages;
        uint words = (Math.Min(StepPages, Pages - from) + 63) / 64;
        return new ReadOnlySpan<ulong>(CommittedPages + (from >> 6), (int)words).IndexOfAnyExcept(0UL) < 0;
    }

    /// <summary>
    /// Gives the memory of tables back to the system that describe no committed page: after a peak they would be what is left of it. They stay committed, as zeros, since any address may
    /// be looked up in them.
    /// </summary>
    internal void GiveBackEmptied()
    {
        // As many steps together as fill a page of the system in every table.
        uint unit = (uint)Math.Max(1, VirtualMemory.PageSize / (StepPages * sizeof(PageSpan)));
        uint steps = (KnownPages + StepPages - 1) / StepPages / unit * unit;
        for (uint step = 0; step < steps;)
        {
            uint end = step;
            while (end < steps && IsRoomToEmpty(end, unit))
            {
                end += unit;
            }

            if (end > step && !TryEmpty(step, end))
            {
                return;
            }

            step = end + unit;
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
        uint steps = (KnownPages + StepPages - 1) / StepPages;
        for (uint step = 0; step < steps; step++)
        {
            // What was given back is zero and is not touched, lest it come back.
            if (!IsEmptied(step))
            {
                new Span<ulong>(Lines + ((nuint)step * StepPages * 8), (int)StepPages * 8).Clear();
                new Span<PageSpan>(Spans + ((nuint)step * StepPages), (int)StepPages).Clear();
                new Span<byte>((byte*)_hints + ((nuint)step * HintBytesPerStep), (int)HintBytesPerStep).Clear();
            }
        }

        new Span<ulong>(_upper, checked((int)UpperWords(steps) * BucketStride)).Clear();
        _filled = 0;
        if (KnownPages > 0)
        {
            Tree.Clear();
        }
    }

    /// <summary>Gives the tables back. Once.</summary>
    public void Dispose() => VirtualMemory.Release(_reservation, _reservedBytes);

    private static long Whole(long bytes) => (bytes + VirtualMemory.PageSize - 1) / VirtualMemory.PageSize * VirtualMemory.PageSize;

    private static long Extend(nint table, uint fromStep, uint toStep, uint stepBytes)
    {
        long start = (long)fromStep * stepBytes / VirtualMemory.PageSize * VirtualMemory.PageSize;
        long end = Whole((long)toStep * stepBytes);
        if (end > start)
        {
            VirtualMemory.Commit(table + (nint)start, (nuint)(end - start));
        }

        return end;
    }

    private bool IsEmptied(uint step) => (_emptied[step >> 6] >> (int)(step & 63) & 1) != 0;

    private bool IsRoomToEmpty(uint step, uint unit)
    {
        for (uint i = step; i < step + unit; i++)
        {
            if (IsEmptied(i) || !IsUnused(i))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryEmpty(uint step, uint end)
    {
        for (uint i = step; i < end; i++)
        {
            DropHints(i);
        }

        // No block starts in a page that is not committed, so all of this is zero now, and stays so where the system only drops it when it likes.
        try
        {
            VirtualMemory.Discard((nint)Lines + ((nint)step * (nint)StepPages * 64), (end - step) * (nuint)StepPages * 64);
            VirtualMemory.Discard((nint)Spans + ((nint)step * (nint)StepPages * sizeof(PageSpan)), (end - step) * (nuint)StepPages * (nuint)sizeof(PageSpan));
            VirtualMemory.Discard((nint)_hints + ((nint)step * (nint)HintBytesPerStep), (end - step) * (nuint)HintBytesPerStep);
        }
        catch (VirtualMemoryException)
        {
            // What the system will not take stays as usable as it was.
            return false;
        }

        for (uint i = step; i < end; i++)
        {
            _emptied[i >> 6] |= 1UL << (int)(i & 63);
        }

        _emptiedSteps += end - step;
        return true;
    }

    /// <summary>Takes back the hints of a step in which no block starts: all of them are out of date.</summary>
    private void DropHints(uint step)
    {
        const int GroupsPerStep = (int)StepPages * SlicesPerPage / 64;
        uint first = step * GroupsPerStep;
        for (int bucket = 0; bucket < BucketStride; bucket++)
        {
            ulong groups = *UpperWord(bucket, first >> 6) & (((1UL << GroupsPerStep) - 1) << (int)(first & 63));
            for (; groups != 0; groups &= groups - 1)
            {
                uint group = (first & ~63u) + (uint)BitOperations.TrailingZeroCount(groups);
                *HintWord(bucket, group) = 0;
                RemoveUpperHint(bucket, group);
            }
        }
    }

    private static long UpperWords(long steps) => ((steps * StepPages * SlicesPerPage / 64) + 63) / 64;

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

using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Where the tables lie: what a heap of that size needs is committed, and what describes nothing goes back.</summary>
/// <remarks>
/// A table takes whole pages of the system, and six tables of a heap of 256 KiB would take six pages for 4 KiB. So a small heap's lie one behind the other in one page, the head; when the heap
/// grows and they do not fit, the one that grows fastest moves to a place of its own, which it keeps. Only the lines, of which one is read by every request, have their own from the start.
/// </remarks>
internal sealed unsafe partial class HeapTables
{
    private const int HeadBytes = 4096;

    // Heap pages whose tables are committed together: their lines fill a page of 4 KiB, and their words in the table of committed pages are whole.
    private const uint LeastKnownPages = 64;

    // In the order in which they leave the head.
    private const int HintsPart = 0;
    private const int SpansPart = 1;
    private const int NodesPart = 2;
    private const int UpperPart = 3;
    private const int CommittedPart = 4;
    private const int TopPart = 5;
    private const int Parts = 6;

    private int _partsOutside;
    private long _emptiedSteps;

    /// <summary>Bytes committed, without those that <see cref="GiveBackEmptied"/> gave back.</summary>
    internal long CommittedBytes
    {
        get
        {
            long bytes = Whole(HeadBytes) + Whole(LinesBytes(KnownPages)) + (_emptied.LongLength * sizeof(ulong)) - (_emptiedSteps * StepBytes);
            for (int part = 0; part < _partsOutside; part++)
            {
                bytes += Whole(PartBytes(part, KnownPages));
            }

            return bytes;
        }
    }

    private static long StepBytes => (StepPages * (64 + sizeof(PageSpan))) + HintBytesPerStep;

    private static long HintBytesPerStep => PartBytes(HintsPart, StepPages);

    /// <summary>Commits the tables for pages up to <paramref name="endPage"/>.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; the pages are as unknown as before.</exception>
    internal void Know(uint endPage)
    {
        if (endPage > KnownPages)
        {
            Place((uint)Math.Min((endPage + LeastKnownPages - 1L) / LeastKnownPages * LeastKnownPages, Pages), 0);
        }
    }

    /// <summary>Brings the spans where they will never move again, so that they can be read by threads that do not have the heap's lock.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; nothing has changed.</exception>
    internal void SettleSpans() => Place(KnownPages, SpansPart + 1);

    /// <summary>Whether no page is committed among those whose tables are given back together as a step. All of them are known.</summary>
    internal bool IsUnused(uint step)
    {
        return new ReadOnlySpan<ulong>(CommittedPages + (step * StepPages >> 6), (int)StepPages / 64).IndexOfAnyExcept(0UL) < 0;
    }

    /// <summary>
    /// Gives the memory of tables back to the system that describe no committed page: after a peak they would be what is left of it. They stay committed, as zeros, since any address may
    /// be looked up in them.
    /// </summary>
    internal void GiveBackEmptied()
    {
        // As many steps together as fill a page of the system in every table. Of so many pages neither the hints nor the spans lie in the head.
        uint unit = (uint)Math.Max(1, VirtualMemory.PageSize / (StepPages * sizeof(PageSpan)));
        uint steps = KnownPages / StepPages / unit * unit;
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

    private static long Whole(long bytes) => (bytes + VirtualMemory.PageSize - 1) / VirtualMemory.PageSize * VirtualMemory.PageSize;

    private static long Groups(long pages) => ((pages * SlicesPerPage) + 63) / 64;

    private static long UpperWords(long pages) => (Groups(pages) + 63) / 64;

    private static long TopWords(long pages) => (UpperWords(pages) + 63) / 64;

    private static long LinesBytes(long pages) => pages * 64;

    private static long PartBytes(int part, long pages) => part switch
    {
        HintsPart => Groups(pages) * BucketStride * sizeof(ulong),
        SpansPart => pages * sizeof(PageSpan),
        NodesPart => LargeBlockTree.BytesFor(pages * SegregatedHeap.PageGranules),
        UpperPart => UpperWords(pages) * BucketStride * sizeof(ulong),
        CommittedPart => (pages + 63) / 64 * sizeof(ulong),
        _ => TopWords(pages) * BucketStride * sizeof(ulong),
    };

    private static void Extend(byte* table, long fromBytes, long toBytes)
    {
        if (Whole(toBytes) > Whole(fromBytes))
        {
            VirtualMemory.Commit((nint)table + (nint)Whole(fromBytes), (nuint)(Whole(toBytes) - Whole(fromBytes)));
        }
    }

    private byte* OwnPlace(int part)
    {
        byte* place = (byte*)Lines + Whole(LinesBytes(Pages));
        for (int before = 0; before < part; before++)
        {
            place += Whole(PartBytes(before, Pages));
        }

        return place;
    }

    /// <summary>Commits the tables for so many pages, and moves them apart as far as they do not fit into the head any more, at least so many of them.</summary>
    private void Place(uint known, int leastOutside)
    {
        int outside = Math.Max(_partsOutside, leastOutside);
        long inHead = 0;
        for (int part = outside; part < Parts; part++)
        {
            inHead += PartBytes(part, known);
        }

        for (; inHead > HeadBytes; outside++)
        {
            inHead -= PartBytes(outside, known);
        }

        // A refusal in the middle leaves some tables longer than they need to be; committing those again does no harm.
        Extend((byte*)Lines, LinesBytes(KnownPages), LinesBytes(known));
        for (int part = 0; part < outside; part++)
        {
            Extend(OwnPlace(part), part < _partsOutside ? PartBytes(part, KnownPages) : 0, PartBytes(part, known));
        }

        MoveParts(known, outside);
    }

    private void MoveParts(uint known, int outside)
    {
        byte** places = stackalloc byte*[Parts];
        byte* saved = stackalloc byte[HeadBytes];
        byte* head = (byte*)_reservation;
        Buffer.MemoryCopy(head, saved, HeadBytes, HeadBytes);
        new Span<byte>(head, HeadBytes).Clear();
        for (int part = 0; part < Parts; part++)
        {
            long bytes = PartBytes(part, KnownPages);
            byte* from = part < _partsOutside ? OwnPlace(part) : saved;
            byte* to = part < outside ? OwnPlace(part) : head;
            if (part == TopPart)
            {
                MoveTop((ulong*)from, (ulong*)to, (int)TopWords(known));
            }
            else if (from != to)
            {
                Buffer.MemoryCopy(from, to, bytes, bytes);
            }

            saved += part < _partsOutside ? 0 : bytes;
            head += part < outside ? 0 : PartBytes(part, known);
            places[part] = to;
        }

        _hints = (ulong*)places[HintsPart];
        Spans = (PageSpan*)places[SpansPart];
        Tree = new LargeBlockTree(places[NodesPart]);
        _upper = (ulong*)places[UpperPart];
        CommittedPages = (ulong*)places[CommittedPart];
        _top = (ulong*)places[TopPart];
        _partsOutside = outside;
        KnownPages = known;
    }

    /// <summary>Moves the words of each bucket apart, the last bucket first: what lies above is out of the way then, also when they stay in the same place.</summary>
    private void MoveTop(ulong* from, ulong* to, int words)
    {
        for (int bucket = BucketStride - 1; bucket >= 0; bucket--)
        {
            Span<ulong> row = new(to + (bucket * (long)words), words);
            new ReadOnlySpan<ulong>(from + (bucket * (long)_topWords), _topWords).CopyTo(row);
            row[_topWords..].Clear();
        }

        _topWords = words;
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
}

using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>Where a request goes. <see cref="TryFindCommitted"/> is for when nothing may be committed.</summary>
internal sealed unsafe partial class BuddyArea
{
    private static readonly sbyte[][] s_fallbacks = [[1, 2], [0, 2], [1, 0]];

    /// <summary>
    /// Finds a parked block of just that size, else, where no alignment is asked for, the shortest hole, else the smallest free block that fits in the lowest pageblock that has one. Nothing changes but that
    /// parked blocks may be merged.
    /// </summary>
    internal bool TryFind(in BuddyRequest request, out BuddyPlace place)
    {
        return (request.Granules <= ParkedSizes && TryFindParked(request, out place))
            || TryFindMerged(request, sparesRoomToGrow: true, out place)
            || (Settle() && TryFindMerged(request, sparesRoomToGrow: true, out place))
            || TryFindMerged(request, sparesRoomToGrow: false, out place)
            || TryFindRun(request, out place)
            || TryFindForeign(request, out place);
    }

    private bool TryFindMerged(in BuddyRequest request, bool sparesRoomToGrow, out BuddyPlace place)
    {
        if (request.MayLieAcross && request.Granules < _granules && TryFindHole(request, sparesRoomToGrow, out place))
        {
            return true;
        }

        if (request.Order < _localOrders && LowestWith(request.Mobility, request.Order, sparesRoomToGrow) is int pageblock and >= 0)
        {
            place = PlaceIn(request.Mobility, pageblock, BitOperations.TrailingZeroCount(Header(pageblock)->Orders >> request.Order) + request.Order, request);
            return true;
        }

        int least = Math.Max(0, request.Order - _localOrders);
        uint whole = least < _wholeOrders ? _freeWholeOrders >> least << least : 0;
        if (whole != 0)
        {
            int order = BitOperations.TrailingZeroCount(whole);
            place = new BuddyPlace(-1, _whole[order].First() << order, 0, 0, 0);
            return true;
        }

        place = default;
        return false;
    }

    /// <summary>
    /// The shortest of the free pageblocks side by side that suffice, wherever they begin. Where no power of two is free any more: a few small blocks in as many places take those apart long before memory is
    /// short. Looks at each pageblock.
    /// </summary>
    private bool TryFindRun(in BuddyRequest request, out BuddyPlace place)
    {
        place = default;
        if (request.NeedsAlignment || request.Granules <= _granules)
        {
            return false;
        }

        long needed = (request.Granules + _granules - 1) >> _localOrders;
        int shortest = int.MaxValue;
        for (int first = NextRun(0, out int length); first >= 0; first = NextRun(first + length, out length))
        {
            if (length >= needed && length < shortest)
            {
                shortest = length;
                place = new BuddyPlace(-1, first, 0, 0, 0);
            }
        }

        return shortest < int.MaxValue;
    }

    /// <summary>The next free pageblocks side by side from one on; −1 when there are none.</summary>
    private int NextRun(int from, out int length)
    {
        while (from < _known && Header(from)->State != PageblockState.Free)
        {
            from++;
        }

        int end = from;
        while (end < _known && Header(end)->State == PageblockState.Free)
        {
            end++;
        }

        // Those that were never in use are free.
        length = (end >= _known ? _pageblocks : end) - from;
        return length > 0 ? from : -1;
    }

    /// <summary>Goes into another kind's pageblock: where the largest block is, so that what is left there stays as whole as it can.</summary>
    private bool TryFindForeign(in BuddyRequest request, out BuddyPlace place)
    {
        int best = -1;
        int kind = -1;
        foreach (sbyte other in s_fallbacks[request.Mobility])
        {
            uint orders = request.Order < _localOrders ? _dividedOrders[other] >> request.Order << request.Order : 0;
            if (orders != 0 && BitOperations.Log2(orders) > best)
            {
                best = BitOperations.Log2(orders);
                kind = other;
            }
        }

        place = best < 0 ? default : PlaceIn(kind, _divided[(kind * _localOrders) + best].First(), best, request);
        return best >= 0;
    }

    /// <summary>
    /// The lowest pageblock with a free block of an order or above, or −1. Not the lowest with the smallest block there is: while none is left below, that is what was left over behind the block that was taken last,
    /// and small blocks would lie behind every long one and keep its place from merging.
    /// </summary>
    private int LowestWith(int kind, int least, bool sparesRoomToGrow)
    {
        int lowest = -1;
        for (uint orders = _dividedOrders[kind] >> least << least; orders != 0; orders &= orders - 1)
        {
            BitTree pageblocks = _divided[(kind * _localOrders) + BitOperations.TrailingZeroCount(orders)];
            int first = pageblocks.First();
            while (sparesRoomToGrow && first >= 0 && IsRoomToGrow(first))
            {
                first = pageblocks.Next(first + 1);
            }

            lowest = first >= 0 && (uint)first < (uint)lowest ? first : lowest;
        }

        return lowest;
    }

    /// <summary>
    /// Whether what is free in a pageblock is left to the block that ends there, because it has grown: a buffer that grows would else move for each small block that comes behind it, which also takes every
    /// place that it leaves apart.
    /// </summary>
    private bool IsRoomToGrow(int pageblock) => Header(pageblock)->IsRoomToGrow != 0 && Header(pageblock)->SpanFirst != 0;

    private BuddyPlace PlaceIn(int kind, int pageblock, int order, in BuddyRequest request)
    {
        int word = BitOperations.TrailingZeroCount(Summaries(pageblock)[order]);
        int index = (word << 6) + BitOperations.TrailingZeroCount(FreeBits(pageblock, order)[word]);
        int start = index << order;
        int begin = request.MayLieAcross ? BeginOfHole(pageblock, start) : start;
        return new BuddyPlace(kind, pageblock, order, index, begin, begin != start);
    }
}

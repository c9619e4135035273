using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>The free blocks: the index over them, cutting and merging.</summary>
internal sealed unsafe partial class BuddyArea
{
    private static int LowestPiece(int position, int length, int maxOrder)
    {
        int order = Math.Min(maxOrder, BitOperations.Log2((uint)length));
        return position == 0 ? order : Math.Min(order, BitOperations.TrailingZeroCount(position));
    }

    /// <summary>The order of the free block that begins at a granule; −1 when none does.</summary>
    private int FreeOrderAt(int pageblock, int granule)
    {
        uint possible = granule == 0 ? uint.MaxValue : (2U << BitOperations.TrailingZeroCount(granule)) - 1;

        // The highest first: behind a cut the free blocks are as large as their place allows.
        uint orders = Header(pageblock)->Orders & possible;
        while (orders != 0)
        {
            int order = BitOperations.Log2(orders);
            if (IsFree(pageblock, order, granule >> order))
            {
                return order;
            }

            orders ^= 1U << order;
        }

        return -1;
    }

    /// <summary>Cuts a run that begins with a free block and goes on in the next ones, and gives back what is behind it: nothing there can merge, because it did not before.</summary>
    private void CarveAcross(in BuddyPlace place, int granules)
    {
        int pageblock = place.Pageblock;
        int end = place.Granule;
        while (end < place.Granule + granules)
        {
            int order = FreeOrderAt(pageblock, end);
            RemoveFree(pageblock, order, end >> order);
            end += 1 << order;
        }

        Header(pageblock)->FreeGranules -= granules;
        for (int position = place.Granule + granules; position < end;)
        {
            int order = LowestPiece(position, end - position, _localOrders - 1);
            AddFree(pageblock, order, position >> order);
            position += 1 << order;
        }
    }

    /// <summary>Halves a block that is in no table any more until it has the order asked for, and gives back what is behind the granules in use.</summary>
    private void Carve(int pageblock, int order, int granule, int wanted, int granules)
    {
        Header(pageblock)->FreeGranules -= granules;
        while (order > wanted)
        {
            order--;
            AddFree(pageblock, order, (granule >> order) ^ 1);
        }

        int end = granule + (1 << wanted);
        for (int position = granule + granules; position < end;)
        {
            int piece = BitOperations.TrailingZeroCount(position);
            AddFree(pageblock, piece, position >> piece);
            position += 1 << piece;
        }
    }

    private void ReleaseLocal(int pageblock, int granule, int granules)
    {
        Header(pageblock)->FreeGranules += granules;
        int end = granule + granules;
        int begin = BeginOfHole(pageblock, granule, granule - LongestHole);
        int behind = EndOfHole(pageblock, end, end + LongestHole);
        RemoveHole(pageblock, granule - begin);
        RemoveHole(pageblock, behind - end);
        while (granule < end)
        {
            int order = LowestPiece(granule, end - granule, _localOrders);
            int next = granule + (1 << order);
            int index = granule >> order;
            while (order < _localOrders && IsFree(pageblock, order, index ^ 1))
            {
                RemoveFree(pageblock, order, index ^ 1);
                index >>= 1;
                order++;
            }

            if (order == _localOrders)
            {
                CloseWhole(pageblock);
                FreeWhole(pageblock, 1);
                return;
            }

            AddFree(pageblock, order, index);
            granule = next;
        }

        AddHole(pageblock, behind - begin);
    }

    /// <summary>Gives whole pageblocks back, each piece merged with its buddies as far as these are free.</summary>
    private void FreeWhole(int first, int count)
    {
        int end = first + count;
        while (first < end)
        {
            int order = LowestPiece(first, end - first, _wholeOrders - 1);
            int next = first + (1 << order);
            int index = first >> order;
            while (order < _wholeOrders - 1 && _whole[order].Contains(index ^ 1))
            {
                RemoveWhole(order, index ^ 1);
                index >>= 1;
                order++;
            }

            AddWhole(order, index);
            first = next;
        }
    }

    /// <summary>Takes free pageblocks that lie side by side out of the free runs they are in, whatever these are.</summary>
    private void TakeRun(int first, int count)
    {
        int end = first + count;
        while (first < end)
        {
            int order = 0;
            while (!_whole[order].Contains(first >> order))
            {
                order++;
            }

            int begin = first >> order << order;
            int behind = begin + (1 << order);
            RemoveWhole(order, first >> order);
            FreeWhole(begin, first - begin);
            FreeWhole(Math.Min(end, behind), behind - Math.Min(end, behind));
            first = behind;
        }
    }

    private void AddWhole(int order, int index)
    {
        _whole[order].Add(index);
        _freeWholeOrders |= 1U << order;
    }

    private void RemoveWhole(int order, int index)
    {
        _whole[order].Remove(index);
        if (_whole[order].IsEmpty)
        {
            _freeWholeOrders &= ~(1U << order);
        }
    }

    private bool IsFree(int pageblock, int order, int index) => Bits.Test(FreeBits(pageblock, order), index);

    private void AddFree(int pageblock, int order, int index)
    {
        ulong* word = FreeBits(pageblock, order) + (index >> 6);
        bool known = *word != 0;
        *word |= 1UL << (index & 63);
        if (!known)
        {
            ulong* summary = Summaries(pageblock) + order;
            bool listed = *summary != 0;
            *summary |= 1UL << (index >> 6);
            if (!listed)
            {
                Pageblock* header = Header(pageblock);
                header->Orders |= 1U << order;
                _divided[(header->Mobility * _localOrders) + order].Add(pageblock);
                _dividedOrders[header->Mobility] |= 1U << order;
            }
        }
    }

    private void RemoveFree(int pageblock, int order, int index)
    {
        ulong* word = FreeBits(pageblock, order) + (index >> 6);
        *word &= ~(1UL << (index & 63));
        if (*word == 0)
        {
            ulong* summary = Summaries(pageblock) + order;
            *summary &= ~(1UL << (index >> 6));
            if (*summary == 0)
            {
                Pageblock* header = Header(pageblock);
                header->Orders &= ~(1U << order);
                Unlist(header->Mobility, order, pageblock);
            }
        }
    }

    private void Unlist(int kind, int order, int pageblock)
    {
        BitTree tree = _divided[(kind * _localOrders) + order];
        tree.Remove(pageblock);
        if (tree.IsEmpty)
        {
            _dividedOrders[kind] &= ~(1U << order);
        }
    }

    /// <summary>A kind that has to go into another's pageblock takes it over when at least half of it is free: what comes next of its kind then comes here and not into a third.</summary>
    private void ConvertIfMostlyFree(int pageblock, int order, int kind)
    {
        Pageblock* header = Header(pageblock);
        if (order < _localOrders - 1 && header->FreeGranules < _granules / 2)
        {
            return;
        }

        Conversions[kind]++;
        for (uint orders = header->Orders; orders != 0; orders &= orders - 1)
        {
            int listed = BitOperations.TrailingZeroCount(orders);
            Unlist(header->Mobility, listed, pageblock);
            _divided[(kind * _localOrders) + listed].Add(pageblock);
            _dividedOrders[kind] |= 1U << listed;
        }
        header->Mobility = (byte)kind;
        ListHoles(pageblock);
    }
}

using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>
/// The holes of divided pageblocks, by length: a hole is what lies free between two blocks, however many free blocks of the buddy system that is. Who needs no alignment
/// takes the shortest hole that is long enough (best fit), and of equal ones the lowest.
/// </summary>
/// <remarks>
/// A pageblock counts its holes by class of length, and has a bit for each class it has holes of. A group of pageblocks and a kind of mobility have such bits too; these may say too much
/// and are put right by who looks.
/// </remarks>
internal sealed unsafe partial class BuddyArea
{
    private const int HoleClasses = 64;
    private const int HoleGroupLog = 5;

    // Holes up to this many granules have a class for each length, longer ones eight classes from one power of two to the next.
    private const int ExactHolesLog = 5;
    private const int ExactHoles = 1 << ExactHolesLog;
    private const int StepsLog = 3;

    // From here on all lengths are in the last class, so it does not matter how much longer a hole is.
    private const int LongestHole = 481;

    // A class of several lengths may have nothing that is long enough; the next class has.
    private const int UnsureTries = 2;

    private readonly ulong[] _holeKinds = new ulong[Kinds];
    private ulong[] _holeGroups = [];
    private ulong[] _holeBits = [];

    private static int HoleClassOf(int length)
    {
        if (length <= ExactHoles)
        {
            return length - 1;
        }

        int log = BitOperations.Log2((uint)length - 1);
        return Math.Min(HoleClasses - 1, ExactHoles + ((log - ExactHolesLog) << StepsLog) + (((length - 1) >> (log - StepsLog)) & ((1 << StepsLog) - 1)));
    }

    /// <summary>Best fit among the holes of the request's kind.</summary>
    private bool TryFindHole(in BuddyRequest request, bool sparesRoomToGrow, out BuddyPlace place)
    {
        int kind = request.Mobility;
        int granules = (int)request.Granules;
        int tries = UnsureTries;
        for (ulong classes = _holeKinds[kind] >> HoleClassOf(granules) << HoleClassOf(granules); classes != 0; classes &= classes - 1)
        {
            int wanted = BitOperations.TrailingZeroCount(classes);
            if (TryFindHole(kind, wanted, granules, sparesRoomToGrow, ref tries, out place))
            {
                return true;
            }
        }

        place = default;
        return false;
    }

    private bool TryFindHole(int kind, int wanted, int granules, bool sparesRoomToGrow, ref int tries, out BuddyPlace place)
    {
        ulong bit = 1UL << wanted;
        int groups = (_known + (1 << HoleGroupLog) - 1) >> HoleGroupLog;
        bool any = false;
        for (int group = 0; group < groups; group++)
        {
            ref ulong listed = ref _holeGroups[(group * Kinds) + kind];
            if ((listed & bit) == 0)
            {
                continue;
            }

            bool found = false;
            int end = Math.Min(_known, (group + 1) << HoleGroupLog);
            for (int pageblock = group << HoleGroupLog; pageblock < end; pageblock++)
            {
                if ((_holeBits[pageblock] & bit) == 0 || Header(pageblock)->Mobility != kind)
                {
                    continue;
                }

                found = true;
                if (sparesRoomToGrow && IsRoomToGrow(pageblock))
                {
                    continue;
                }

                int begin = FindHoleIn(pageblock, wanted, granules);
                if (begin >= 0)
                {
                    place = new BuddyPlace(kind, pageblock, 0, 0, begin, Across: true);
                    return true;
                }

                if (--tries == 0)
                {
                    tries = 1;
                    place = default;
                    return false;
                }
            }

            any |= found;
            if (!found)
            {
                listed &= ~bit;
            }
        }

        if (!any)
        {
            _holeKinds[kind] &= ~bit;
        }

        place = default;
        return false;
    }

    /// <summary>Where in a pageblock a hole of a class begins that is long enough; −1 when none is.</summary>
    private int FindHoleIn(int pageblock, int wanted, int granules)
    {
        // A run of 2^(k+1) − 1 has a block of order k inside, wherever it begins. The longest holes of the class tell the highest order.
        int steps = wanted - ExactHoles;
        int leastLog = steps < 0 ? BitOperations.Log2((uint)wanted + 1) : ExactHolesLog + (steps >> StepsLog);
        int mostLog = wanted == HoleClasses - 1 ? _localOrders - 1 : Math.Min(_localOrders - 1, steps < 0 ? leastLog : leastLog + 1);
        uint orders = Header(pageblock)->Orders;
        for (int order = mostLog; order >= Math.Max(0, leastLog - 1); order--)
        {
            if ((orders >> order & 1) == 0)
            {
                continue;
            }

            ulong* free = FreeBits(pageblock, order);
            int count = _granules >> order;
            for (int index = Bits.NextSet(free, 0, count); index < count; index = Bits.NextSet(free, index + 1, count))
            {
                (int begin, int end) = HoleAround(pageblock, index << order);
                if (end - begin >= granules && HoleClassOf(end - begin) == wanted)
                {
                    return begin;
                }
            }
        }

        return -1;
    }

    /// <summary>The hole that the free block which begins at a granule lies in.</summary>
    private (int Begin, int End) HoleAround(int pageblock, int granule) => (BeginOfHole(pageblock, granule), EndOfHole(pageblock, granule));

    /// <summary>Where the free blocks before a granule begin; the granule itself when there are none. It is enough to come to <paramref name="enough"/>.</summary>
    private int BeginOfHole(int pageblock, int granule, int enough = 0)
    {
        while (granule > Math.Max(0, enough))
        {
            uint possible = (2U << BitOperations.TrailingZeroCount(granule)) - 1;
            uint orders = Header(pageblock)->Orders & possible;
            while (orders != 0 && !IsFree(pageblock, BitOperations.Log2(orders), (granule >> BitOperations.Log2(orders)) - 1))
            {
                orders ^= 1U << BitOperations.Log2(orders);
            }

            if (orders == 0)
            {
                break;
            }

            granule -= 1 << BitOperations.Log2(orders);
        }

        return granule;
    }

    /// <summary>Where the free blocks from a granule on end; the granule itself when there are none. It is enough to come to <paramref name="enough"/>.</summary>
    private int EndOfHole(int pageblock, int granule, int enough = int.MaxValue)
    {
        while (granule < Math.Min(_granules, enough))
        {
            int order = FreeOrderAt(pageblock, granule);
            if (order < 0)
            {
                break;
            }

            granule += 1 << order;
        }

        return granule;
    }

    /// <summary>Counts a hole in; nothing when it has no length.</summary>
    private void AddHole(int pageblock, int length)
    {
        if (length > 0)
        {
            int hole = HoleClassOf(length);
            if (HoleCounts(pageblock)[hole]++ == 0)
            {
                _holeBits[pageblock] |= 1UL << hole;
                ListHoles(pageblock);
            }
        }
    }

    private void RemoveHole(int pageblock, int length)
    {
        if (length > 0)
        {
            int hole = HoleClassOf(length);
            if (--HoleCounts(pageblock)[hole] == 0)
            {
                _holeBits[pageblock] &= ~(1UL << hole);
            }
        }
    }

    /// <summary>Lets the pageblock's group and kind know what holes it has.</summary>
    private void ListHoles(int pageblock)
    {
        int kind = Header(pageblock)->Mobility;
        _holeGroups[((pageblock >> HoleGroupLog) * Kinds) + kind] |= _holeBits[pageblock];
        _holeKinds[kind] |= _holeBits[pageblock];
    }

    /// <summary>Makes room for the holes of every pageblock up to one; ahead, so that there are few copies.</summary>
    private void EnsureHoles(int pageblocks)
    {
        if (pageblocks > _holeBits.Length)
        {
            int size = (Math.Min(_pageblocks, Math.Max(pageblocks, 2 * _holeBits.Length)) + (1 << HoleGroupLog) - 1) >> HoleGroupLog << HoleGroupLog;
            GrowTrees(size);
            Array.Resize(ref _holeGroups, (size >> HoleGroupLog) * Kinds);
            Array.Resize(ref _holeBits, size);
        }
    }

    private void ForgetHoles(int pageblock)
    {
        new Span<ushort>(HoleCounts(pageblock), HoleClasses).Clear();
        _holeBits[pageblock] = 0;
    }
}

using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>The check of everything an area believes about itself.</summary>
internal sealed unsafe partial class BuddyArea
{
    /// <summary>What the check adds up on its way.</summary>
    internal struct Sums
    {
        internal long LiveBlocks;
        internal long LiveBytes;
        internal long RequestedBytes;
        internal long CommittedBytes;
    }

    /// <summary>
    /// Checks that every granule is in exactly one live or free block, that no two free buddies were left apart, that every index over the free blocks says what is there, and that
    /// live memory is committed.
    /// </summary>
    internal Sums Check(string name, List<string> violations)
    {
        Sums sums = default;
        byte[] used = new byte[_granules];
        long free = 0;
        long idle = 0;
        long taken = 0;
        int[] whole = WholeCover(name, violations);
        for (int pageblock = 0; pageblock < _pageblocks; pageblock++)
        {
            PageblockState state = pageblock < _known ? Header(pageblock)->State : PageblockState.Free;
            Expect(violations, whole[pageblock] == (state == PageblockState.Free ? 1 : 0), () => $"{name}: pageblock {pageblock} is {state} and in {whole[pageblock]} free blocks.");
            if (state == PageblockState.Free)
            {
                free += _granules;
            }

            if (pageblock < _known)
            {
                free += CheckPageblock(name, pageblock, used, violations, ref sums);
                int committed = Header(pageblock)->CommittedPages;
                taken += committed - Bits.Count(Clean(pageblock), 0, 1 << _pagesPerBlockLog);
                idle += state == PageblockState.Free ? committed : 0;
                Expect(violations, _idleWhole.Contains(pageblock) == (state == PageblockState.Free && committed > 0), () => $"{name}: pageblock {pageblock} is {state} with {committed} committed pages, and the list of idle pageblocks says otherwise.");
            }
        }

        Expect(violations, idle == _idleWholePages, () => $"{name}: {idle:N0} committed pages are in free pageblocks, {_idleWholePages:N0} are counted.");
        Expect(violations, taken == _usedPages, () => $"{name}: {taken:N0} committed pages were used, {_usedPages:N0} are counted.");
        Expect(violations, free == FreeGranules, () => $"{name}: {free:N0} granules are free, {FreeGranules:N0} are counted.");
        Expect(violations, sums.LiveBlocks == LiveBlocks, () => $"{name}: {sums.LiveBlocks:N0} blocks are live, {LiveBlocks:N0} are counted.");
        for (int kind = 0; kind < Kinds; kind++)
        {
            for (int order = 0; order < _localOrders; order++)
            {
                BitTree tree = _divided[(kind * _localOrders) + order];
                Expect(violations, tree.IsEmpty == ((_dividedOrders[kind] >> order & 1) == 0), () => $"{name}: the index of {(PageMobility)kind} pageblocks with free blocks of order {order} is wrong.");
            }
        }

        return sums;
    }

    private static void Expect(List<string> violations, bool holds, Func<string> violation)
    {
        if (!holds)
        {
            violations.Add(violation());
        }
    }

    private int[] WholeCover(string name, List<string> violations)
    {
        int[] cover = new int[_pageblocks];
        for (int order = 0; order < _wholeOrders; order++)
        {
            BitTree tree = _whole[order];
            Expect(violations, tree.IsEmpty == ((_freeWholeOrders >> order & 1) == 0), () => $"{name}: the index of free runs of {1 << order} pageblocks is wrong.");
            for (int index = tree.Next(0); index >= 0; index = tree.Next(index + 1))
            {
                if ((long)(index + 1) << order > _pageblocks)
                {
                    violations.Add($"{name}: a free run of {1 << order} pageblocks from {(long)index << order} on reaches beyond the end.");
                    continue;
                }

                for (int pageblock = index << order; pageblock < (index + 1) << order; pageblock++)
                {
                    cover[pageblock]++;
                }

                Expect(violations, order == _wholeOrders - 1 || !tree.Contains(index ^ 1), () => $"{name}: two free buddies of {1 << order} pageblocks at {index << order} were left apart.");
            }
        }

        return cover;
    }

    /// <returns>Free granules of a divided pageblock.</returns>
    private long CheckPageblock(string name, int pageblock, byte[] used, List<string> violations, ref Sums sums)
    {
        Pageblock* header = Header(pageblock);
        string where = $"{name}: pageblock {pageblock}";
        int committed = Bits.Count(Committed(pageblock), 0, 1 << _pagesPerBlockLog);
        sums.CommittedBytes += (long)committed << _pageShift;
        Expect(violations, committed == header->CommittedPages, () => $"{where}: {committed} pages are committed, {Header(pageblock)->CommittedPages} are counted.");
        Expect(violations, !HasTables(pageblock) || !_kept.ContainsKey(pageblock), () => $"{where} has tables, and its freed blocks are kept apart as well.");
        if (!HasTables(pageblock))
        {
            Expect(violations, header->State != PageblockState.Divided, () => $"{where} is divided and has no tables.");
            return 0;
        }

        Array.Clear(used);
        if (header->SpanFirst != 0 && header->State == PageblockState.Divided)
        {
            Use(used, 0, Header(header->SpanFirst - 1)->SpanTail);
        }

        for (int granule = Bits.NextSet(Heads(pageblock), 0, _granules); granule < _granules; granule = Bits.NextSet(Heads(pageblock), granule + 1, _granules))
        {
            long granules = GranulesAt(pageblock, granule);
            sums.LiveBlocks++;
            sums.LiveBytes += granules << GranuleShift;
            sums.RequestedBytes += (granules << GranuleShift) - SlackAt(pageblock, granule);
            if (header->State == PageblockState.Divided)
            {
                Use(used, granule, (int)granules);
            }

            long uncommitted = UncommittedBytes(new BuddyPlace(0, pageblock, 0, 0, granule), granules);
            Expect(violations, uncommitted == 0, () => $"{where}: {uncommitted:N0} bytes of the live block at 0x{AddressOf(pageblock, granule):x} are not committed.");
            Expect(violations, !Bits.Test(Freed(pageblock), granule), () => $"{where}: the block at 0x{AddressOf(pageblock, granule):x} is both live and freed.");
            Expect(violations, header->State != PageblockState.Free, () => $"{where} is free and has a live block at 0x{AddressOf(pageblock, granule):x}.");
        }

        int free = 0;
        for (int order = 0; order < _localOrders; order++)
        {
            free += CheckOrder(where, pageblock, order, used, violations) << order;
        }

        if (header->State != PageblockState.Divided)
        {
            Expect(violations, free == 0, () => $"{where} is not divided and has {free} granules in free blocks.");
            return 0;
        }

        CheckHoles(where, pageblock, violations);
        int wrong = Array.FindIndex(used, uses => uses != 1);
        Expect(violations, wrong < 0, () => $"{where}: the granule at 0x{AddressOf(pageblock, wrong):x} is in {used[wrong]} blocks, live or free, instead of one.");
        Expect(violations, free == header->FreeGranules, () => $"{where}: {free} granules are free, {Header(pageblock)->FreeGranules} are counted.");
        return free;
    }

    private void CheckHoles(string where, int pageblock, List<string> violations)
    {
        int[] counts = new int[HoleClasses];
        for (int granule = 0; granule < _granules;)
        {
            int end = EndOfHole(pageblock, granule);
            if (end > granule)
            {
                counts[HoleClassOf(end - granule)]++;
            }

            granule = Math.Max(end, granule + 1);
        }

        int kind = Header(pageblock)->Mobility;
        ulong listed = _holeGroups[((pageblock >> HoleGroupLog) * Kinds) + kind] & _holeKinds[kind];
        for (int hole = 0; hole < HoleClasses; hole++)
        {
            int length = hole;
            ulong bit = 1UL << hole;
            bool indexed = counts[hole] == HoleCounts(pageblock)[hole] && (_holeBits[pageblock] & bit) != 0 == counts[hole] > 0 && (counts[hole] == 0 || (listed & bit) != 0);
            Expect(violations, indexed, () => $"{where}: {counts[length]} holes of class {length}, but {HoleCounts(pageblock)[length]} are counted, or the indices over them say otherwise.");
        }
    }

    /// <returns>Free blocks of the order.</returns>
    private int CheckOrder(string where, int pageblock, int order, byte[] used, List<string> violations)
    {
        ulong* free = FreeBits(pageblock, order);
        int count = _granules >> order;
        int found = 0;
        for (int index = Bits.NextSet(free, 0, count); index < count; index = Bits.NextSet(free, index + 1, count))
        {
            found++;
            Use(used, index << order, 1 << order);
            Expect(violations, (index & 1) != 0 || index + 1 >= count || !Bits.Test(free, index + 1), () => $"{where}: two free buddies of order {order} at granule {index << order} were left apart.");
            Expect(violations, (Summaries(pageblock)[order] >> (index >> 6) & 1) != 0, () => $"{where}: the free block of order {order} at granule {index << order} is not indexed.");
        }

        Pageblock* header = Header(pageblock);
        bool listed = (header->Orders >> order & 1) != 0;
        bool inTree = _divided[(header->Mobility * _localOrders) + order].Contains(pageblock);
        int words = BitOperations.PopCount(Summaries(pageblock)[order]);
        Expect(violations, listed == found > 0 && (header->State != PageblockState.Divided || inTree == listed) && (found > 0 || words == 0), () => $"{where}: {found} free blocks of order {order}, but the indices over them say otherwise.");
        return found;
    }

    private static void Use(byte[] used, int from, int count)
    {
        for (int granule = from; granule < Math.Min(used.Length, from + count); granule++)
        {
            used[granule] = (byte)Math.Min(255, used[granule] + 1);
        }
    }
}

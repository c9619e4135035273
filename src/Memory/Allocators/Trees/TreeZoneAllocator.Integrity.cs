namespace DimensionStore.Memory;

/// <summary>The check of everything the allocator believes about itself.</summary>
public sealed unsafe partial class TreeZoneAllocator
{
    /// <inheritdoc/>
    /// <remarks>
    /// Stops the other threads for its duration. Checked per zone: the layout by <see cref="ValidateLevel(int)"/>; every used granule lies in exactly one block and in committed memory; each leaf's runs are those of its bits and each
    /// node's those of its leaves; counters of blocks, bytes, free runs, committed and idle pages, per zone and per membrane; every tag belongs to a live block, every movable block to its handle.
    /// </remarks>
    public override IntegrityReport CheckIntegrity()
    {
        List<string> violations = [];
        long blocks = 0;
        EnterMovables();
        EnterAll();
        try
        {
            long committed = 0;
            foreach (TreeZone zone in _zones)
            {
                Expect(violations, FindViolation(zone.Level) is null, FindViolation(zone.Level) ?? string.Empty);
                blocks += CheckBlocks(zone, violations);
                committed += CheckLeaves(zone, violations);
            }

            Expect(violations, committed * LeafMap.LeafBytes == _memory.CommittedBytes, $"The pages have {committed * LeafMap.LeafBytes:N0} bytes committed, the allocator counts {_memory.CommittedBytes:N0}.");
            Expect(violations, _memory.CommittedBytes <= _memory.ChargedBytes && _memory.ChargedBytes <= _capacityBytes, $"{_memory.CommittedBytes:N0} bytes are committed, {_memory.ChargedBytes:N0} charged, the limit is {_capacityBytes:N0}.");
        }
        finally
        {
            ExitAll();
            _movables.Lock.Exit();
        }

        return new IntegrityReport(blocks, violations);
    }

    private static void Expect(List<string> violations, bool holds, string violation)
    {
        if (!holds)
        {
            violations.Add(violation);
        }
    }

    private long CheckBlocks(TreeZone zone, List<string> violations)
    {
        string name = NameOf(zone.Level);
        long blocks = 0;
        long granules = 0;
        long unused = 0;
        long tagged = 0;
        long[] inMembrane = new long[zone.Membranes.Length];
        int next = zone.FirstGranule;
        for (int granule = _map.NextLiveStart(next, zone.EndGranule); granule < zone.EndGranule; granule = _map.NextLiveStart(next, zone.EndGranule))
        {
            int stray = _map.FirstUsed(next, granule);
            Expect(violations, stray == granule, $"{name}: 0x{AddressOf(stray):x} is used and lies in no block.");
            int count = _map.EndOf(granule, zone.EndGranule) - granule;
            blocks++;
            granules += count;
            unused += _map.UnusedOf(granule, count);
            inMembrane[zone.MembraneOf(granule)]++;
            if (_tags.TryGet(granule, out int tag, out bool movable))
            {
                tagged++;
                Expect(violations, !movable || _movables.MayBeAt(tag, AddressOf(granule)), $"{name}: the movable block at 0x{AddressOf(granule):x} is not where its handle {tag} says.");
            }

            next = granule + count;
        }

        int last = _map.FirstUsed(next, zone.EndGranule);
        Expect(violations, last == zone.EndGranule, $"{name}: 0x{AddressOf(last):x} is used and lies in no block.");
        Expect(violations, blocks == zone.LiveBlocks && zone.AllocationCount - zone.FreeCount == blocks, $"{name}: {blocks:N0} blocks are live, {zone.LiveBlocks:N0} are counted, {zone.AllocationCount:N0} allocated and {zone.FreeCount:N0} freed.");
        Expect(violations, granules == zone.LiveGranules, $"{name}: {granules:N0} granules are in blocks, {zone.LiveGranules:N0} are counted.");
        Expect(violations, unused == zone.UnusedBytes, $"{name}: {unused:N0} bytes of blocks are unused, {zone.UnusedBytes:N0} are counted.");
        long tags = _tags.Count(zone.FirstGranule, zone.EndGranule - zone.FirstGranule);
        Expect(violations, tagged == tags, $"{name}: {tagged:N0} live blocks have a tag, there are {tags:N0} tags.");
        for (int i = 0; i < inMembrane.Length; i++)
        {
            Expect(violations, inMembrane[i] == (zone.Membranes[i]?.LiveBlocks ?? 0), $"{name}: {inMembrane[i]:N0} blocks start in membrane {i}, {zone.Membranes[i]?.LiveBlocks ?? 0:N0} are counted.");
        }

        return blocks;
    }

    private long CheckLeaves(TreeZone zone, List<string> violations)
    {
        string name = NameOf(zone.Level);
        long committed = 0;
        long idle = 0;
        for (int leaf = zone.FirstLeaf; leaf < zone.EndLeaf; leaf++)
        {
            uint word = _map.Words[leaf];
            bool isCommitted = (word & LeafMap.Committed) != 0;
            committed += isCommitted ? 1 : 0;
            idle += isCommitted && LeafMap.IsEmpty(word) ? 1 : 0;
            Expect(violations, leaf < zone.TopLeaf || word == 0, $"{name}: the page at 0x{AddressOf(leaf << LeafMap.LeafShift):x} is in use above the highest that was ever committed.");
            Expect(violations, isCommitted || LeafMap.IsEmpty(word), $"{name}: the page at 0x{AddressOf(leaf << LeafMap.LeafShift):x} is used and not committed.");
            Expect(violations, _map.AreRunsRight(leaf), $"{name}: the free runs noted for the page at 0x{AddressOf(leaf << LeafMap.LeafShift):x} are not those of its bits.");
        }

        long runs = 0;
        int free = _map.FirstFree(zone.FirstGranule, zone.EndGranule);
        for (; free < zone.EndGranule; runs++)
        {
            free = _map.FirstFree(_map.FirstUsed(free, zone.EndGranule), zone.EndGranule);
        }

        Expect(violations, committed == zone.CommittedLeaves, $"{name}: {committed:N0} pages are committed, {zone.CommittedLeaves:N0} are counted.");
        Expect(violations, idle == zone.IdleLeaves, $"{name}: {idle:N0} pages are idle, {zone.IdleLeaves:N0} are counted.");
        Expect(violations, runs == zone.FreeRuns, $"{name}: there are {runs:N0} free runs, {zone.FreeRuns:N0} are counted.");
        for (int i = 0; i < zone.Membranes.Length; i++)
        {
            int wrong = zone.Membranes[i]?.CountWrongNodes() ?? 0;
            long longest = zone.Membranes[i]?.Root.Max ?? (long)zone.LeafCountOf(i) << LeafMap.LeafShift;
            Expect(violations, wrong == 0 && zone.LongestFree[i] == longest, $"{name}: {wrong} nodes of the search tree of membrane {i} are wrong, or its longest free run is not {zone.LongestFree[i]:N0} granules.");
        }

        return committed;
    }
}

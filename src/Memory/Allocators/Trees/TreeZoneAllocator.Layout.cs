using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Where the zones and membranes are, in both forms of address; checking that; and moving the boundary between two zones.</summary>
public sealed unsafe partial class TreeZoneAllocator
{
    private static readonly int[] s_membranes = [.. Enumerable.Range(1, LevelCount).Select(static nodes => (int)RootedTreeSequence.Count(nodes))];

    private bool _resized;

    /// <summary>Zone boundaries are multiples of this many bytes: 16 KiB, or a page where that is larger.</summary>
    public static long ZoneUnitBytes => Math.Max(LeafMap.LeafBytes << (BlockTags.BucketShift - LeafMap.LeafShift), VirtualMemory.PageSize);

    /// <summary>Membranes that a level must have: A000081(level + 1), computed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The level is not 0 to 7.</exception>
    public static int MembranesOf(int level) => s_membranes[CheckLevel(level)];

    /// <summary>The address in the specification's zone map for one in the process.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The address does not lie in the zones.</exception>
    public long ToLogical(nint address) => _memory.Contains(address)
        ? LogicalBase + (address - _memory.Start)
        : throw new ArgumentOutOfRangeException(nameof(address), $"0x{address:x} does not lie in the zones, which are at 0x{_memory.Start:x} to 0x{_memory.End:x} in this process.");

    /// <summary>The address in the process for one in the specification's zone map.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The address does not lie in the zones.</exception>
    public nint FromLogical(long logicalAddress) => logicalAddress >= LogicalBase && logicalAddress - LogicalBase < _memory.Bytes
        ? _memory.Start + (nint)(logicalAddress - LogicalBase)
        : throw new ArgumentOutOfRangeException(nameof(logicalAddress), $"0x{logicalAddress:x} does not lie in the zones, which are at 0x{LogicalBase:x} to 0x{LogicalBase + _memory.Bytes:x} in the zone map.");

    /// <summary>One zone as it is now.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The level is not 0 to 7.</exception>
    public TreeZoneInfo GetZone(int level)
    {
        TreeZone zone = Enter(CheckLevel(level));
        int free = _map.FirstFree(zone.FirstGranule, zone.EndGranule);
        TreeZoneInfo info = new()
        {
            Level = level,
            MembraneCount = zone.Membranes.Length,
            BaseOffset = (long)zone.FirstLeaf * LeafMap.LeafBytes,
            ZoneBytes = (long)zone.LeafCount * LeafMap.LeafBytes,
            LogicalAddress = LogicalBase + ((long)zone.FirstLeaf * LeafMap.LeafBytes),
            Address = AddressOf(zone.FirstGranule),
            AllocatedBytes = zone.LiveGranules << LeafMap.GranuleShift,
            LiveBlocks = zone.LiveBlocks,
            FreeBlocks = zone.FreeRuns,
            FirstFreeAddress = free < zone.EndGranule ? AddressOf(free) : 0,
            CommittedBytes = zone.CommittedLeaves * LeafMap.LeafBytes,
        };
        zone.Lock.Exit();
        return info;
    }

    /// <summary>All zones as they are now.</summary>
    public IReadOnlyList<TreeZoneInfo> GetZones() => [.. Enumerable.Range(0, LevelCount).Select(GetZone)];

    /// <summary>The membranes of a zone as they are now.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The level is not 0 to 7.</exception>
    public IReadOnlyList<TreeMembraneInfo> GetMembranes(int level)
    {
        TreeMembraneInfo[] infos = new TreeMembraneInfo[MembranesOf(level)];
        TreeZone zone = Enter(level);
        for (int i = 0; i < infos.Length; i++)
        {
            MembraneTree? membrane = zone.Membranes[i];
            infos[i] = new TreeMembraneInfo
            {
                Level = level,
                Index = i,
                Address = AddressOf(zone.FirstLeafOf(i) << LeafMap.LeafShift),
                LogicalAddress = LogicalBase + ((long)zone.FirstLeafOf(i) * LeafMap.LeafBytes),
                Bytes = (long)zone.LeafCountOf(i) * LeafMap.LeafBytes,
                LiveBlocks = membrane?.LiveBlocks ?? 0,
                AllocatedBytes = (membrane?.LiveGranules ?? 0) << LeafMap.GranuleShift,
                LargestFreeBytes = (long)zone.LongestFree[i] << LeafMap.GranuleShift,
            };
        }

        zone.Lock.Exit();
        return infos;
    }

    /// <summary>Whether a level is laid out as A000081 demands (<c>dtesn_mem_validate_a000081</c>).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The level is not 0 to 7.</exception>
    public bool ValidateLevel(int level) => ValidateLevel(level, out _);

    /// <summary>
    /// Whether a level is laid out as A000081 demands: as many membranes as the sequence says, side by side, none empty, equal but for one page, on page boundaries; the zone begins where the one before ends and ends where
    /// the next begins; the first begins at 0 and the last ends with the memory; and, as long as no zone was resized, each begins at its share of the total.
    /// </summary>
    /// <param name="level">Membrane level, 0 to 7.</param>
    /// <param name="violation">What is wrong, or null.</param>
    /// <exception cref="ArgumentOutOfRangeException">The level is not 0 to 7.</exception>
    public bool ValidateLevel(int level, out string? violation)
    {
        CheckLevel(level);
        Enter(0).Lock.Exit();
        EnterAll();
        violation = FindViolation(level);
        ExitAll();
        return violation is null;
    }

    /// <summary>
    /// Makes a zone larger or smaller by moving the boundary to the zone behind it, or for level 7 to the zone before it. Every address stays as it is; the membranes of both zones are divided anew, and a block that lies over a new
    /// membrane boundary counts for the membrane it starts in.
    /// </summary>
    /// <param name="level">Membrane level, 0 to 7.</param>
    /// <param name="bytes">The zone's new size, a multiple of <see cref="ZoneUnitBytes"/> and at least a page for each of its membranes.</param>
    /// <remarks>The order of the zones and their sum stay, so <see cref="ValidateLevel(int)"/> holds before and after. Takes time in proportion to the blocks in both zones, whose threads wait.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The size is no multiple, or too small for the zone's membranes (<see cref="TreeZoneError.InvalidArgument"/>).</exception>
    /// <exception cref="AllocationFailedException">The neighbour has not so much to give, or a live block lies in what would change hands (<see cref="TreeZoneError.OutOfMemory"/>). Nothing has changed.</exception>
    public void ResizeZone(int level, long bytes)
    {
        long least = (long)MembranesOf(level) * _pageLeaves * LeafMap.LeafBytes;
        if (bytes < least || bytes % ZoneUnitBytes != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(bytes), bytes, $"The size of level {level} must be a multiple of {ZoneUnitBytes:N0} bytes and at least {least:N0} for its {MembranesOf(level)} membranes.");
        }

        int lower = level < LevelCount - 1 ? level : level - 1;
        TreeZone before = Enter(lower);
        TreeZone behind = _zones[lower + 1];
        behind.Lock.Enter();
        try
        {
            Resize(before, behind, level, bytes);

            // What changed hands is looked up in the other zone from now on, and may come back.
            before.Ended?.Clear();
            behind.Ended?.Clear();
        }
        finally
        {
            behind.Lock.Exit();
            before.Lock.Exit();
        }
    }

    private static int CheckLevel(int level)
    {
        if (level is < 0 or >= LevelCount)
        {
            throw new ArgumentOutOfRangeException(nameof(level), level, $"The level must be 0 to {LevelCount - 1}.");
        }

        return level;
    }

    private static int CheckMembrane(int level, int membrane)
    {
        int count = MembranesOf(level);
        if (membrane < -1 || membrane >= count)
        {
            throw new ArgumentOutOfRangeException(nameof(membrane), membrane, $"Level {level} has {count} membranes: expected 0 to {count - 1}, or −1 for any.");
        }

        return membrane;
    }

    /// <summary>Where a zone begins before any is resized: at 2^(level−1) of 1,024 parts, in whole units.</summary>
    private long DefaultOffset(int level)
        => level == 0 ? 0 : level == LevelCount ? _options.TotalBytes : (_options.TotalBytes >> 10 << (level - 1)) / ZoneUnitBytes * ZoneUnitBytes;

    private TreeZone Enter(int level)
    {
        TreeZone zone = _zones[level];
        zone.Lock.Enter();
        if (_disposed)
        {
            zone.Lock.Exit();
            throw new ObjectDisposedException(Name);
        }

        return zone;
    }

    private void EnterAll()
    {
        foreach (TreeZone zone in _zones)
        {
            zone.Lock.Enter();
        }
    }

    private void ExitAll()
    {
        foreach (TreeZone zone in _zones)
        {
            zone.Lock.Exit();
        }
    }

    private string? FindViolation(int level)
    {
        TreeZone zone = _zones[level];
        int expected = MembranesOf(level);
        if (zone.Membranes.Length != expected)
        {
            return $"Level {level} has {zone.Membranes.Length} membranes, A000081({level + 1}) is {expected}.";
        }

        long unitLeaves = ZoneUnitBytes / LeafMap.LeafBytes;
        int begin = level == 0 ? 0 : _zones[level - 1].EndLeaf;
        int end = level == LevelCount - 1 ? _map.LeafCount : _zones[level + 1].FirstLeaf;
        if (zone.FirstLeaf != begin || zone.EndLeaf != end || zone.FirstLeaf % unitLeaves != 0 || zone.LeafCount <= 0)
        {
            return $"Level {level} has the pages {zone.FirstLeaf:N0} to {zone.EndLeaf:N0}; expected from {begin:N0}, where the level before ends, to {end:N0}, on a multiple of {unitLeaves}.";
        }

        if (!_resized && (long)zone.FirstLeaf * LeafMap.LeafBytes != DefaultOffset(level))
        {
            return $"Level {level} begins at offset {(long)zone.FirstLeaf * LeafMap.LeafBytes:N0}; {DefaultOffset(level):N0} was expected.";
        }

        int next = zone.FirstLeaf;
        long pages = zone.LeafCount / _pageLeaves;
        for (int i = 0; i < expected; i++)
        {
            int first = zone.FirstLeafOf(i);
            int leaves = zone.LeafCountOf(i);
            bool equal = leaves == pages / expected * _pageLeaves || leaves == ((pages / expected) + 1) * _pageLeaves;
            bool agrees = zone.Membranes[i] is not { } membrane || (membrane.FirstLeaf == first && membrane.LeafCount == leaves);
            if (first != next || leaves < _pageLeaves || !equal || !agrees)
            {
                return $"Membrane {i} of level {level} has {leaves:N0} pages from {first:N0}; expected from {next:N0} on, a {expected}th of the zone's {zone.LeafCount:N0}.";
            }

            next += leaves;
        }

        return next == zone.EndLeaf ? null : $"The membranes of level {level} end at page {next:N0}, the zone at {zone.EndLeaf:N0}.";
    }

    private void Resize(TreeZone before, TreeZone behind, int level, long bytes)
    {
        long total = (long)(before.LeafCount + behind.LeafCount) * LeafMap.LeafBytes;
        int other = level == before.Level ? behind.Level : before.Level;
        long least = RoundUp((long)MembranesOf(other) * _pageLeaves * LeafMap.LeafBytes, ZoneUnitBytes);
        TreeZone resized = _zones[level];
        long own = (long)resized.LeafCount * LeafMap.LeafBytes;
        if (bytes > total - least)
        {
            throw new AllocationFailedException(Name, bytes - own, Math.Max(0, total - least - own), OwnerId.None, $"level {other} needs {least:N0} of its bytes for its own membranes.");
        }

        int boundary = level == before.Level ? before.FirstLeaf + (int)(bytes / LeafMap.LeafBytes) : behind.EndLeaf - (int)(bytes / LeafMap.LeafBytes);
        int old = behind.FirstLeaf;
        int from = Math.Min(old, boundary) << LeafMap.LeafShift;
        int to = Math.Max(old, boundary) << LeafMap.LeafShift;
        int used = _map.FirstUsed(from, to);
        if (used < to)
        {
            throw new AllocationFailedException(Name, Math.Abs(bytes - own), 0, OwnerId.None, $"a live block at 0x{AddressOf(used):x} lies in the {Math.Abs(bytes - own):N0} bytes that would change hands between level {before.Level} and level {behind.Level}.");
        }

        if (boundary == old)
        {
            return;
        }

        long committed = 0;
        for (int leaf = Math.Min(old, boundary); leaf < Math.Max(old, boundary); leaf++)
        {
            committed += (_map.Words[leaf] & LeafMap.Committed) != 0 ? 1 : 0;
        }

        // All of it is idle, since no block lies in it.
        long moved = boundary > old ? committed : -committed;
        before.CommittedLeaves += moved;
        before.IdleLeaves += moved;
        behind.CommittedLeaves -= moved;
        behind.IdleLeaves -= moved;
        int end = behind.EndLeaf;
        int top = behind.TopLeaf > old ? behind.TopLeaf : before.TopLeaf;
        LayAgain(before, before.FirstLeaf, boundary - before.FirstLeaf, Math.Min(top, boundary));
        LayAgain(behind, boundary, end - boundary, Math.Max(top, boundary));
        _resized = true;
    }

    private void LayAgain(TreeZone zone, int firstLeaf, int leafCount, int topLeaf)
    {
        zone.Lay(firstLeaf, leafCount, topLeaf, MembranesOf(zone.Level), _pageLeaves, NodesOf(zone.Level));
        int free = _map.FirstFree(zone.FirstGranule, zone.EndGranule);
        for (zone.FreeRuns = 0; free < zone.EndGranule; zone.FreeRuns++)
        {
            free = _map.FirstFree(_map.FirstUsed(free, zone.EndGranule), zone.EndGranule);
        }

        for (int granule = _map.NextLiveStart(zone.FirstGranule, zone.EndGranule); granule < zone.EndGranule; granule = _map.NextLiveStart(granule + 1, zone.EndGranule))
        {
            MembraneTree membrane = zone.Membrane(zone.MembraneOf(granule));
            membrane.LiveBlocks++;
            membrane.LiveGranules += _map.EndOf(granule, zone.EndGranule) - granule;
        }
    }
}

using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Three buddy areas with watermarks: DMA, Normal and High. A request is served by the zone it is meant for or a lower one, as long as that keeps its reserves.</summary>
/// <remarks>
/// <para>
/// Who does not say a zone means High. First every zone from there downwards is tried that stays above its low watermark; then every one that stays above its minimum; below that only a
/// request with <see cref="AllocationOptions.Emergency"/> is served. A lower zone also keeps a reserve from requests that a higher one could have served.
/// </para>
/// <para>Thread-safe, by one lock for all zones: a fall-back looks at several, and what is committed counts for all.</para>
/// </remarks>
public sealed class ZoneAllocator : PageAllocator
{
    private const int Zones = 3;
    private static readonly string[] s_names = ["DMA", "Normal", "High"];

    private readonly Func<ZoneType, long, long>? _reclaim;

    // Threads that are inside it.
    private readonly HashSet<int> _reclaimers = [];
    private readonly ZoneWatermarks[] _marks = new ZoneWatermarks[Zones];
    private readonly long[] _reserves = new long[Zones * Zones];
    private readonly ZonePressure[] _pressure = new ZonePressure[Zones];
    private readonly ZonePressure[] _raised = new ZonePressure[Zones];
    private readonly long[] _allocations = new long[Zones];
    private readonly long[] _fallbacks = new long[Zones];
    private readonly long[] _failures = new long[Zones];
    private readonly long[] _lows = new long[Zones];
    private bool _pending;

    /// <summary>Reserves the address space. Nothing is committed until it is needed.</summary>
    /// <exception cref="ArgumentException">An option is not what its property says.</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    public ZoneAllocator(ZoneOptions? options = null)
        : this(ZoneLayout.Of(options ?? new ZoneOptions()), (options ?? new ZoneOptions()).Reclaim)
    {
    }

    private ZoneAllocator(ZoneLayout layout, Func<ZoneType, long, long>? reclaim)
        : base("ZoneAllocator", layout.Buddy, layout.Parts)
    {
        _reclaim = reclaim;
        Span<long> bytes = stackalloc long[Zones];
        for (int zone = 0; zone < Zones; zone++)
        {
            bytes[zone] = Areas[zone].Bytes;
        }

        for (int zone = 0; zone < Zones; zone++)
        {
            _marks[zone] = ZoneWatermarks.Of(bytes[zone], layout.Buddy.CapacityBytes, layout.MinFreeBytes);
            for (int highest = zone; highest < Zones; highest++)
            {
                _reserves[(zone * Zones) + highest] = ZoneWatermarks.ReserveAgainst(bytes, zone, highest);
            }
        }
    }

    /// <summary>
    /// Raised on the thread that caused it, outside every lock, when a zone falls below its low watermark or its minimum, and when it has come above the high one again. Changes that
    /// follow each other before it is raised are raised as one. A handler must not throw.
    /// </summary>
    public event EventHandler<ZonePressureEventArgs>? PressureChanged;

    /// <summary>Allocates from a zone or a lower one.</summary>
    /// <param name="zone">The highest zone that will do.</param>
    /// <param name="size">Bytes, 1 or more.</param>
    /// <param name="alignment">A power of two, in bytes.</param>
    /// <param name="options">Zeroing, growth, kind, emergency.</param>
    /// <param name="owner">Tag for accounting.</param>
    /// <inheritdoc cref="MemoryAllocator.Allocate" path="/exception"/>
    public nint AllocateFrom(ZoneType zone, nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) =>
        AllocateCore(size, alignment, options, owner, throws: true, Checked(zone));

    /// <summary>Allocates 2^<paramref name="order"/> pages from a zone or a lower one; see <see cref="PageAllocator.AllocatePages"/>.</summary>
    public nint AllocatePagesFrom(ZoneType zone, int order, PageMobility mobility = PageMobility.Unmovable, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) =>
        AllocatePagesCore(order, mobility, options, owner, Checked(zone));

    /// <summary>The zone an address lies in, or null when it lies in none.</summary>
    public ZoneType? ZoneOf(nint address)
    {
        for (int zone = 0; zone < Zones; zone++)
        {
            if (Areas[zone].Contains(address))
            {
                return (ZoneType)zone;
            }
        }

        return null;
    }

    /// <summary>A snapshot of one zone (the kernel's <c>get_zone_stats</c>).</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such zone.</exception>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public ZoneStatistics GetZoneStats(ZoneType zone)
    {
        int index = Checked(zone);
        long page = VirtualMemory.PageSize;
        EnterSettled();
        try
        {
            BuddyArea area = Areas[index];
            long start = (area.Start - Start) / page;
            return new ZoneStatistics
            {
                Type = zone,
                StartFrame = start,
                EndFrame = start + (area.Bytes / page),
                StartAddress = area.Start,
                TotalPages = area.Bytes / page,
                FreePages = FreeBytes(index) / page,
                WatermarkMinPages = _marks[index].Min / page,
                WatermarkLowPages = _marks[index].Low / page,
                WatermarkHighPages = _marks[index].High / page,
                ReservePages = _reserves[(index * Zones) + Zones - 1] / page,
                Pressure = _pressure[index],
                LiveBlocks = area.LiveBlocks,
                LiveBytes = area.Bytes - FreeBytes(index),
                CommittedBytes = area.CommittedBytes(),
                LargestFreeBytes = area.LargestFreeBytes(),
                AllocationCount = _allocations[index],
                FallbackCount = _fallbacks[index],
                FailureCount = _failures[index],
                LowCount = _lows[index],
            };
        }
        finally
        {
            ExitLock();
        }
    }

    /// <inheritdoc/>
    /// <remarks>The orders, and a row per zone.</remarks>
    public override IReadOnlyList<AllocatorGroup> GetGroups()
    {
        List<AllocatorGroup> groups = [.. base.GetGroups()];
        for (int zone = 0; zone < Zones; zone++)
        {
            ZoneStatistics seen = GetZoneStats((ZoneType)zone);
            groups.Add(new AllocatorGroup(AllocatorGroupKind.Zone, s_names[zone], seen.LiveBlocks, seen.LiveBytes, FreeBlocks: 0, seen.CommittedBytes, Areas[zone].Bytes));
        }

        return groups;
    }

    private protected override Obstacle FindLocked(in BuddyRequest request, AllocationOptions options, bool committedOnly, out int area, out BuddyPlace place)
    {
        bool held = false;
        int last = (options & AllocationOptions.Emergency) != 0 ? 2 : 1;
        for (int pass = 0; pass <= last; pass++)
        {
            for (area = request.Highest; area >= 0; area--)
            {
                if (!KeepsReserve(area, request, pass))
                {
                    held = true;
                    continue;
                }

                if (committedOnly ? Areas[area].TryFindCommitted(request, out place) : Areas[area].TryFind(request, out place))
                {
                    return Obstacle.None;
                }
            }
        }

        area = -1;
        place = default;
        return held ? Obstacle.Watermark : Obstacle.Space;
    }

    private protected override bool MayLengthenLocked(int area, long granules) => FreeBytes(area) - (granules << Areas[area].GranuleShift) >= _marks[area].Low + _reserves[(area * Zones) + Zones - 1];

    private protected override void TakenLocked(int area, int highest)
    {
        _allocations[area]++;
        _fallbacks[area] += area != highest ? 1 : 0;
        ChangedLocked(area);
    }

    private protected override void FailedLocked(int highest) => _failures[highest]++;

    private protected override void ChangedLocked(int area)
    {
        long free = FreeBytes(area);
        ZoneWatermarks marks = _marks[area];
        ZonePressure before = _pressure[area];
        ZonePressure now = free < marks.Min ? ZonePressure.Critical
            : free < marks.Low || (before != ZonePressure.Balanced && free <= marks.High) ? ZonePressure.Low
            : ZonePressure.Balanced;
        if (now != before)
        {
            _lows[area] += before == ZonePressure.Balanced ? 1 : 0;
            _pressure[area] = now;
            Volatile.Write(ref _pending, true);
        }
    }

    private protected override void RaiseEvents()
    {
        if (!Volatile.Read(ref _pending))
        {
            return;
        }

        while (TryTakeChange(out int zone, out ZonePressure previous, out ZonePressure current, out long free))
        {
            PressureChanged?.Invoke(this, new ZonePressureEventArgs((ZoneType)zone, previous, current, free));
        }
    }

    private protected override bool TryReclaim(nuint size, int highest)
    {
        if (_reclaim is null)
        {
            return false;
        }

        // Who frees memory may need some for that, and is not asked to free more: it would never come to an end.
        int thread = Environment.CurrentManagedThreadId;
        lock (_reclaimers)
        {
            if (!_reclaimers.Add(thread))
            {
                return false;
            }
        }

        try
        {
            return _reclaim((ZoneType)highest, Saturated(size)) > 0;
        }
        finally
        {
            lock (_reclaimers)
            {
                _reclaimers.Remove(thread);
            }
        }
    }

    private static int Checked(ZoneType zone) =>
        zone is >= ZoneType.Dma and <= ZoneType.High ? (int)zone : throw new ArgumentOutOfRangeException(nameof(zone), zone, "Expected Dma, Normal or High.");

    private bool TryTakeChange(out int zone, out ZonePressure previous, out ZonePressure current, out long free)
    {
        EnterLock();
        try
        {
            for (zone = 0; zone < Zones; zone++)
            {
                previous = _raised[zone];
                current = _pressure[zone];
                if (previous != current)
                {
                    _raised[zone] = current;
                    free = FreeBytes(zone);
                    return true;
                }
            }

            _pending = false;
            previous = default;
            current = default;
            free = 0;
            return false;
        }
        finally
        {
            ExitLock();
        }
    }

    private long FreeBytes(int zone) => Areas[zone].FreeGranules << Areas[zone].GranuleShift;

    /// <summary>Whether a zone stays above the mark of a pass (low, minimum, none) when it serves a request.</summary>
    private bool KeepsReserve(int zone, in BuddyRequest request, int pass)
    {
        long left = FreeBytes(zone) - (request.Granules << Areas[zone].GranuleShift);
        long mark = pass == 0 ? _marks[zone].Low : _marks[zone].Min;
        return pass == 2 || left >= mark + _reserves[(zone * Zones) + request.Highest];
    }
}

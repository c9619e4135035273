using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed class ZoneAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new ZoneAllocator(new ZoneOptions
    {
        DmaBytes = 64 << 10,
        NormalBytes = 640 << 10,
        HighBytes = 128 << 10,
        MinBlockBytes = 64,
        PageblockBytes = 32 << 10,
        CommitAheadBytes = 16 << 10,
        Budget = new MemoryBudget("test", 700 << 10),
    });
}

public sealed class CatalogZoneAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => AllocatorCatalog.Create("zone", new AllocatorSettings { CapacityBytes = 32 << 20 });

    protected override int LargestSize => 1 << 20;
}

public sealed class ZoneAllocatorTests
{
    private const int MiB = 1 << 20;

    private static readonly long s_page = VirtualMemory.PageSize;

    [Fact]
    public void Default_zones_are_those_of_a_32_bit_kernel()
    {
        using ZoneAllocator zones = new();
        ZoneStatistics[] all = [.. Enum.GetValues<ZoneType>().Select(zones.GetZoneStats)];
        Assert.Equal([16L * MiB, 880L * MiB, 128L * MiB], all.Select(zone => zone.TotalPages * s_page));
        Assert.All(all, zone => Assert.Equal(zone.TotalPages, zone.EndFrame - zone.StartFrame));
        Assert.All(all, zone => Assert.Equal(zone.TotalPages, zone.FreePages));
        Assert.All(all, zone => Assert.InRange(zone.WatermarkLowPages, zone.WatermarkMinPages + 1, zone.WatermarkHighPages - 1));
        Assert.InRange(all.Sum(zone => zone.WatermarkMinPages) * s_page, (4 * MiB) - (64 << 10), 4 * MiB);
        Assert.Equal(0, all[0].StartFrame);
        Assert.Equal([1008L * MiB / 256, 128L * MiB / 32, 0], all.Select(zone => zone.ReservePages * s_page));
        Assert.Equal(0, zones.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Requests_fall_back_downwards_and_leave_every_zone_its_reserve()
    {
        using ZoneAllocator zones = Small();
        while (zones.TryAllocate((nuint)s_page, out _))
        {
        }

        foreach (ZoneType zone in Enum.GetValues<ZoneType>())
        {
            ZoneStatistics seen = zones.GetZoneStats(zone);
            Assert.InRange(seen.FreePages, seen.WatermarkMinPages + seen.ReservePages, seen.WatermarkMinPages + seen.ReservePages + 1);
            Assert.True(seen.AllocationCount > 0);
            Assert.Equal(zone == ZoneType.High ? 0 : seen.AllocationCount, seen.FallbackCount);
        }

        Assert.Equal((0L, 0L, 1L), (zones.GetZoneStats(ZoneType.Dma).FailureCount, zones.GetZoneStats(ZoneType.Normal).FailureCount, zones.GetZoneStats(ZoneType.High).FailureCount));
        Assert.Contains("minimum", Assert.Throws<AllocationFailedException>(() => zones.Allocate((nuint)s_page)).Message, StringComparison.Ordinal);

        // What is kept from the others is there for those it is kept for.
        Assert.Equal(ZoneType.Dma, zones.ZoneOf(zones.AllocateFrom(ZoneType.Dma, (nuint)s_page)));
        Assert.Equal(ZoneType.Normal, zones.ZoneOf(zones.AllocatePagesFrom(ZoneType.Normal, 0)));
        Assert.True(zones.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Zone_that_is_asked_for_bounds_the_fall_back()
    {
        using ZoneAllocator zones = Small();
        while (true)
        {
            try
            {
                Assert.Equal(ZoneType.Dma, zones.ZoneOf(zones.AllocatePagesFrom(ZoneType.Dma, 0)));
            }
            catch (AllocationFailedException)
            {
                break;
            }
        }

        Assert.Equal(1, zones.GetZoneStats(ZoneType.Dma).FailureCount);
        Assert.Equal(zones.GetZoneStats(ZoneType.Normal).TotalPages, zones.GetZoneStats(ZoneType.Normal).FreePages);
        Assert.Equal(ZoneType.High, zones.ZoneOf(zones.Allocate(100)));
        Assert.Null(zones.ZoneOf(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => zones.AllocateFrom((ZoneType)3, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => zones.GetZoneStats((ZoneType)(-1)));
    }

    [Fact]
    public void Emergency_goes_below_the_minimum_to_the_last_page()
    {
        using ZoneAllocator zones = Small();
        while (zones.TryAllocate((nuint)s_page, out _))
        {
        }

        long kept = Enum.GetValues<ZoneType>().Sum(zone => zones.GetZoneStats(zone).FreePages);
        Assert.True(kept > 0);
        for (long i = 0; i < kept; i++)
        {
            Assert.True(zones.TryAllocate((nuint)s_page, out _, options: AllocationOptions.Emergency));
        }

        Assert.False(zones.TryAllocate((nuint)s_page, out _, options: AllocationOptions.Emergency));
        Assert.All(Enum.GetValues<ZoneType>(), zone => Assert.Equal((0L, ZonePressure.Critical), (zones.GetZoneStats(zone).FreePages, zones.GetZoneStats(zone).Pressure)));
        Assert.True(zones.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Pressure_is_raised_once_below_low_and_once_above_high()
    {
        using ZoneAllocator zones = Small();
        List<(ZoneType Zone, ZonePressure Current, long Free)> raised = [];
        zones.PressureChanged += (sender, change) =>
        {
            Assert.Same(zones, sender);
            Assert.True(((ZoneAllocator)sender!).CheckIntegrity().IsIntact, "A handler may come back.");
            raised.Add((change.Zone, change.Current, change.FreeBytes));
        };
        ZoneStatistics dma = zones.GetZoneStats(ZoneType.Dma);
        Stack<nint> pages = [];
        for (long left = dma.FreePages - 1; left >= dma.WatermarkMinPages; left--)
        {
            pages.Push(zones.AllocateFrom(ZoneType.Dma, (nuint)s_page));
            Assert.Equal(left < dma.WatermarkLowPages ? 1 : 0, raised.Count);
        }

        Assert.Equal((ZoneType.Dma, ZonePressure.Low, (dma.WatermarkLowPages - 1) * s_page), raised[0]);
        nint emergency = zones.AllocateFrom(ZoneType.Dma, (nuint)s_page, options: AllocationOptions.Emergency);
        Assert.Equal(ZonePressure.Critical, raised[^1].Current);
        zones.Free(emergency);
        for (long free = dma.WatermarkMinPages; free < dma.WatermarkHighPages; free++)
        {
            Assert.Equal((3, ZonePressure.Low), (raised.Count, zones.GetZoneStats(ZoneType.Dma).Pressure));
            zones.Free(pages.Pop());
        }

        zones.Free(pages.Pop());
        Assert.Equal((ZoneType.Dma, ZonePressure.Balanced), (raised[^1].Zone, raised[^1].Current));
        Assert.Equal(4, raised.Count);
        Assert.Equal(1, zones.GetZoneStats(ZoneType.Dma).LowCount);
    }

    [Fact]
    public void Reclaim_that_allocates_itself_is_asked_once_a_request()
    {
        ZoneAllocator? zones = null;
        int asked = 0;
        int served = 0;
        zones = new ZoneAllocator(new ZoneOptions
        {
            DmaBytes = MiB,
            NormalBytes = 4 * MiB,
            HighBytes = MiB,
            PageblockBytes = 64 << 10,
            Reclaim = (_, bytes) =>
            {
                // A stack that runs out ends the process, so the control ends before.
                served += ++asked < 100 && zones!.TryAllocate((nuint)bytes, out nint _) ? 1 : 0;
                return 0;
            },
        });
        using ZoneAllocator owned = zones;
        while (zones.TryAllocate((nuint)s_page, out nint _))
        {
        }

        Assert.Equal((1, 0), (asked, served));
        Assert.False(zones.TryAllocate((nuint)s_page, out nint _));
        Assert.Equal((2, 0), (asked, served));
    }

    [Fact]
    public void Reclaim_is_asked_before_a_request_fails()
    {
        ZoneAllocator? zones = null;
        List<nint> cache = [];
        List<(ZoneType Zone, long Bytes)> asked = [];
        zones = new ZoneAllocator(new ZoneOptions
        {
            DmaBytes = MiB,
            NormalBytes = 4 * MiB,
            HighBytes = MiB,
            PageblockBytes = 64 << 10,
            Reclaim = (zone, bytes) =>
            {
                asked.Add((zone, bytes));
                int given = Math.Min(20, cache.Count);
                for (int i = 0; i < given; i++)
                {
                    zones!.Free(cache[^1]);
                    cache.RemoveAt(cache.Count - 1);
                }

                return given * s_page;
            },
        });
        using ZoneAllocator owned = zones;
        while (asked.Count == 0)
        {
            cache.Add(zones.Allocate((nuint)s_page, options: AllocationOptions.Reclaimable));
        }

        Assert.Equal([(ZoneType.High, s_page)], asked);
        cache.Clear();
        while (zones.TryAllocate((nuint)s_page, out _))
        {
        }

        Assert.Equal(2, asked.Count);
        Assert.Equal(1, zones.GetStatistics().FailedAllocationCount);
    }

    [Fact]
    public void Blocks_are_aligned_to_their_size_in_every_zone()
    {
        using ZoneAllocator zones = new(new ZoneOptions { CapacityBytes = 64 * MiB });
        foreach (ZoneType zone in Enum.GetValues<ZoneType>())
        {
            nint block = zones.AllocatePagesFrom(zone, 8);
            Assert.Equal((zone, 0), (zones.ZoneOf(block), block & ((s_page << 8) - 1)));
        }

        Assert.Equal(["DMA", "High", "Normal"], zones.EnumerateExtents().Select(extent => extent.Group).Distinct().Order());
        Assert.Equal(3, zones.GetGroups().Where(group => group.Kind == AllocatorGroupKind.Zone).Sum(group => group.LiveBlocks));
    }

    [Fact]
    public void Threads_that_free_each_others_blocks_lose_none()
    {
        using ZoneAllocator zones = new(new ZoneOptions { CapacityBytes = 32 * MiB, MinBlockBytes = 64, PageblockBytes = 64 << 10 });
        int changes = 0;
        zones.PressureChanged += (_, _) => Interlocked.Increment(ref changes);
        AllocatorStress.Run(zones, 300_000, steps: 10_000);
        Assert.All(Enum.GetValues<ZoneType>(), zone => Assert.Equal(ZonePressure.Balanced, zones.GetZoneStats(zone).Pressure));
    }

    [Fact]
    public void Sizes_that_make_no_sense_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new ZoneAllocator(new ZoneOptions { CapacityBytes = 0 }));
        Assert.Throws<ArgumentException>(() => new ZoneAllocator(new ZoneOptions { DmaBytes = -1 }));
        Assert.Throws<ArgumentException>(() => new ZoneAllocator(new ZoneOptions { DmaBytes = long.MaxValue }));
        Assert.Throws<ArgumentException>(() => new ZoneAllocator(new ZoneOptions { NormalBytes = 1L << 40, HighBytes = 1L << 40 }));
        Assert.Throws<ArgumentException>(() => new ZoneAllocator(new ZoneOptions { MinBlockBytes = 100 }));
    }

    private static ZoneAllocator Small() => new(new ZoneOptions { DmaBytes = MiB, NormalBytes = 8 * MiB, HighBytes = 2 * MiB, PageblockBytes = 64 << 10 });
}

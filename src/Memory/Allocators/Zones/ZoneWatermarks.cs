using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>The marks of one zone, in bytes, as a kernel computes them (<c>__setup_per_zone_wmarks</c>, <c>setup_per_zone_lowmem_reserve</c>).</summary>
/// <param name="Min">Below it only emergency requests are served.</param>
/// <param name="Low">Below it reclaiming is asked for.</param>
/// <param name="High">Above it the zone has recovered.</param>
internal readonly record struct ZoneWatermarks(long Min, long Low, long High)
{
    // One page in so many of the higher zones is kept in a lower one from requests that these could have served.
    private const int DmaRatio = 256;
    private const int NormalRatio = 32;

    internal static long DefaultMinFree(long capacityBytes) => (long)(4 * Math.Sqrt(capacityBytes >> 10)) << 10;

    internal static ZoneWatermarks Of(long zoneBytes, long capacityBytes, long minFreeBytes)
    {
        long min = Pages(Math.Min((long)((double)minFreeBytes * zoneBytes / capacityBytes), zoneBytes / 4));
        long step = Math.Max(VirtualMemory.PageSize, Pages(Math.Min(Math.Max(min / 4, zoneBytes / 1000), zoneBytes / 8)));
        return new ZoneWatermarks(min, min + step, min + (2 * step));
    }

    /// <summary>What a zone keeps from requests meant for a higher one, at most half of itself.</summary>
    internal static long ReserveAgainst(ReadOnlySpan<long> zoneBytes, int zone, int highest)
    {
        long above = 0;
        for (int i = zone + 1; i <= highest; i++)
        {
            above += zoneBytes[i];
        }

        return Pages(Math.Min(above / (zone == (int)ZoneType.Dma ? DmaRatio : NormalRatio), zoneBytes[zone] / 2));
    }

    private static long Pages(long bytes) => bytes / VirtualMemory.PageSize * VirtualMemory.PageSize;
}

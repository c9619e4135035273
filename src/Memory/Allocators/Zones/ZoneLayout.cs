using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>Where the zones of a <see cref="ZoneAllocator"/> lie. Each begins at a multiple of the largest block, so that blocks are aligned to their size; the address space between costs nothing.</summary>
internal sealed record ZoneLayout(BuddyOptions Buddy, IReadOnlyList<(string Name, long Offset, long Bytes)> Parts, long MinFreeBytes)
{
    internal static ZoneLayout Of(ZoneOptions options)
    {
        const long Most = BuddyOptions.MostCapacityBytes;
        if (options.DmaBytes > Most || options.NormalBytes > Most || options.HighBytes > Most)
        {
            throw new ArgumentException($"A zone has at most {Most:N0} bytes, found DMA {options.DmaBytes:N0}, Normal {options.NormalBytes:N0}, High {options.HighBytes:N0}.", nameof(options));
        }

        if (options.DmaBytes < 0 || options.NormalBytes < 0 || options.HighBytes < 0 || options.MinFreeBytes < 0 || options.LimitBytes < 0 || options.CapacityBytes <= 0)
        {
            throw new ArgumentException($"Sizes of zones and the limit must not be negative and the capacity must be positive, found DMA {options.DmaBytes:N0}, Normal {options.NormalBytes:N0}, High {options.HighBytes:N0}, minimum {options.MinFreeBytes:N0}, limit {options.LimitBytes:N0}, capacity {options.CapacityBytes:N0}.", nameof(options));
        }

        BuddyOptions buddy = new BuddyOptions
        {
            CapacityBytes = options.CapacityBytes,
            MinBlockBytes = options.MinBlockBytes,
            PageblockBytes = options.PageblockBytes,
            CommitAheadBytes = options.CommitAheadBytes,
            KeepIdleBytes = options.KeepIdleBytes,
            Budget = options.Budget,
        }.Resolved();
        long unit = buddy.PageblockBytes;
        long dma = Whole(options.DmaBytes != 0 ? options.DmaBytes : options.CapacityBytes / 64);
        long high = Whole(options.HighBytes != 0 ? options.HighBytes : options.CapacityBytes / 8);
        long normal = Whole(options.NormalBytes != 0 ? options.NormalBytes : Math.Max(unit, options.CapacityBytes - dma - high));
        long largest = 1L << BitOperations.Log2((ulong)Math.Max(dma, Math.Max(normal, high)));
        long total = dma + normal + high;
        long normalStart = Up(dma, largest);
        long highStart = Up(normalStart + normal, largest);
        buddy = (buddy with { CapacityBytes = total, LimitBytes = options.LimitBytes != 0 ? options.LimitBytes : total, MaxBlockBytes = largest }).Resolved();
        return new ZoneLayout(buddy, [("DMA", 0, dma), ("Normal", normalStart, normal), ("High", highStart, high)], options.MinFreeBytes != 0 ? options.MinFreeBytes : ZoneWatermarks.DefaultMinFree(total));

        long Whole(long bytes) => Up(Math.Max(1, bytes), unit);
    }

    private static long Up(long bytes, long unit) => checked((bytes + unit - 1) / unit * unit);
}

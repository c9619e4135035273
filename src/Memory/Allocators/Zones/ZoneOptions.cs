namespace DimensionStore.Memory;

/// <summary>How a <see cref="ZoneAllocator"/> is laid out. Sizes are bytes.</summary>
public sealed record ZoneOptions
{
    /// <summary>Memory in all zones, when their sizes are not given; 1 GiB by default. DMA takes 1/64 of it, High 1/8, Normal the rest: at 1 GiB the 16, 880 and 128 MiB of a 32-bit kernel.</summary>
    public long CapacityBytes { get; init; } = 1L << 30;

    /// <summary>The most that may be committed; 0 for the size of all zones, each of which has at least a pageblock. Address space and watermarks follow the sizes, not the limit.</summary>
    public long LimitBytes { get; init; }

    /// <summary>Size of the DMA zone; 0 for its share. Rounded up to pageblocks, as all sizes.</summary>
    public long DmaBytes { get; init; }

    /// <summary>Size of the Normal zone; 0 for its share.</summary>
    public long NormalBytes { get; init; }

    /// <summary>Size of the High zone; 0 for its share.</summary>
    public long HighBytes { get; init; }

    /// <summary>The minimum watermarks of all zones together; 0 for 4 × √(capacity in KiB) KiB as in a kernel, 4 MiB at 1 GiB. A zone gets its share by size, at most a quarter of itself.</summary>
    public long MinFreeBytes { get; init; }

    /// <summary>The smallest block, as in <see cref="BuddyOptions.MinBlockBytes"/>.</summary>
    public int MinBlockBytes { get; init; } = 4096;

    /// <summary>The unit of grouping by mobility, as in <see cref="BuddyOptions.PageblockBytes"/>.</summary>
    public long PageblockBytes { get; init; }

    /// <summary>How far around a block memory is committed with it, as in <see cref="BuddyOptions.CommitAheadBytes"/>.</summary>
    public int CommitAheadBytes { get; init; } = 256 << 10;

    /// <summary>Committed memory in free pageblocks that is kept, as in <see cref="BuddyOptions.KeepIdleBytes"/>.</summary>
    public long KeepIdleBytes { get; init; } = 16 << 20;

    /// <summary>A budget that committed memory is charged to, or null.</summary>
    public MemoryBudget? Budget { get; init; }

    /// <summary>
    /// Called on the requesting thread, outside every lock, before a request fails: with the zone it was meant for and the bytes wanted. It frees blocks where it can and answers
    /// how many bytes; above 0 the request is tried once more. A request that it makes of the same
    /// allocator itself does not call it again, and fails where there is no room.
    /// </summary>
    public Func<ZoneType, long, long>? Reclaim { get; init; }
}

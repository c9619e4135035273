namespace DimensionStore.Memory;

/// <summary>What an <see cref="ObjectCache"/> is for.</summary>
public sealed record ObjectCacheOptions
{
    /// <summary>Alignment of every object: a power of two up to 4,096.</summary>
    public int Alignment { get; init; } = MemoryAllocator.DefaultAlignment;

    /// <summary>
    /// Called once for each object before it is handed out for the first time, with its address. What it writes is still there when the object is handed out again,
    /// if whoever freed it left it so. Runs on the allocating thread, outside of every lock.
    /// </summary>
    public Action<nint>? Constructor { get; init; }

    /// <summary>Diagnostics.</summary>
    public ObjectCacheFlags Flags { get; init; }

    /// <summary>The most the cache may commit: 256 MiB by default.</summary>
    public long LimitBytes { get; init; } = 256L << 20;

    /// <summary>A budget that committed memory is charged to, or null. When its pressure reaches eviction, the cache gives its free slabs back.</summary>
    public MemoryBudget? Budget { get; init; }
}

namespace DimensionStore.Memory;

/// <summary>
/// A picture of an allocator's memory at one moment, as a model: which parts are live, free or not committed, group by group, in cells of one size. However many blocks
/// there are, there are about as many cells as were asked for. Immutable.
/// </summary>
/// <remarks>
/// Made from <see cref="MemoryAllocator.EnumerateExtents"/> and <see cref="MemoryAllocator.EnumerateBlocks"/> alone, so that every allocator has one. These are two looks;
/// while threads run, a block may be seen whose extent was not, and it is left out then.
/// </remarks>
public sealed class MemoryMap
{
    /// <summary>The most cells that can be asked for.</summary>
    public const int MaxCells = 1 << 16;

    internal MemoryMap(string name, AllocatorStatistics statistics, long cellBytes, IReadOnlyList<MapGroup> groups, IReadOnlyList<FreeRunClass> freeRuns, IReadOnlyList<OwnerStatistics> owners)
    {
        Name = name;
        Statistics = statistics;
        CellBytes = cellBytes;
        Groups = groups;
        FreeRuns = freeRuns;
        Owners = owners;
    }

    /// <summary>What the allocator is called.</summary>
    public string Name { get; }

    /// <summary>The counters, taken before the blocks were looked at.</summary>
    public AllocatorStatistics Statistics { get; }

    /// <summary>How much memory a full cell stands for: a power of two.</summary>
    public long CellBytes { get; }

    /// <summary>The groups, in ascending order of their first address.</summary>
    public IReadOnlyList<MapGroup> Groups { get; }

    /// <summary>Free runs by size, ascending; sizes without any are left out.</summary>
    public IReadOnlyList<FreeRunClass> FreeRuns { get; }

    /// <summary>Owners, those with most bytes first.</summary>
    public IReadOnlyList<OwnerStatistics> Owners { get; }

    /// <summary>Draws the map of an allocator. Takes time and memory in proportion to the number of blocks.</summary>
    /// <param name="allocator">The allocator.</param>
    /// <param name="name">What to call it; its own name when null.</param>
    /// <param name="cells">About how many cells to draw; each group and, while there are few, each extent begins a new one.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="cells"/> is less than 16 or more than <see cref="MaxCells"/>.</exception>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public static MemoryMap Create(MemoryAllocator allocator, string? name = null, int cells = 6144)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        ArgumentOutOfRangeException.ThrowIfLessThan(cells, 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cells, MaxCells);
        return new MemoryMapBuilder(allocator, cells).Build(name ?? allocator.Name);
    }
}

using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>A map of an allocator's memory. Sizes are bytes.</summary>
public sealed class MemoryMapInfo
{
    internal MemoryMapInfo(MemoryMap map, int width, BlockSource source)
    {
        Source = source;
        Name = map.Name;
        Statistics = map.Statistics;
        CellBytes = map.CellBytes;
        Groups = map.Groups;
        FreeRuns = map.FreeRuns;
        Owners = map.Owners;
        Text = MemoryMapText.Render(map, width);
    }

    /// <summary>Its name, as Get-MemStats -Allocator takes it.</summary>
    public string Name { get; }

    /// <summary>The allocator it shows; null when it is the pool of a store.</summary>
    public MemoryAllocatorSession? Allocator => Source as MemoryAllocatorSession;

    /// <summary>The store whose pool it shows; null when it is an allocator.</summary>
    public DimensionStoreSession? Store => Source as DimensionStoreSession;

    /// <summary>Live blocks.</summary>
    public long LiveBlocks => Statistics.LiveBlocks;

    /// <summary>Usable bytes in them.</summary>
    public long LiveBytes => Statistics.LiveBytes;

    /// <summary>Bytes committed.</summary>
    public long CommittedBytes => Statistics.CommittedBytes;

    /// <summary>Free ranges between blocks.</summary>
    public long FreeRunCount => FreeRuns.Sum(run => run.Count);

    /// <summary>The longest of them.</summary>
    public long LargestFreeRunBytes => Groups.Count == 0 ? 0 : Groups.Max(group => group.LargestFreeRunBytes);

    /// <summary>How much memory a cell stands for.</summary>
    public long CellBytes { get; }

    /// <summary>All counters.</summary>
    public AllocatorStatistics Statistics { get; }

    /// <summary>Size classes, zones or pools, with their cells.</summary>
    public IReadOnlyList<MapGroup> Groups { get; }

    /// <summary>Free ranges by length.</summary>
    public IReadOnlyList<FreeRunClass> FreeRuns { get; }

    /// <summary>Owners, those with most bytes first.</summary>
    public IReadOnlyList<OwnerStatistics> Owners { get; }

    /// <summary>The map drawn with characters.</summary>
    public string Text { get; }

    private BlockSource Source { get; }

    /// <summary>The drawing.</summary>
    public override string ToString() => Text;
}

using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>A snapshot of one allocator. Every field of <see cref="AllocatorStatistics"/> is a property of the object as well, added from the list that meters and JSON use. Sizes are bytes.</summary>
public sealed class AllocatorStats
{
    internal AllocatorStats(AllocatorReport report)
    {
        Name = report.Name;
        Statistics = report.Statistics;
        Groups = report.Groups;
        Owners = report.Owners;
        AllocationLatency = report.AllocationLatency;
        FreeLatency = report.FreeLatency;
    }

    /// <summary>The name it is shown under: that of New-MemoryAllocator, or "pool of" and the directory of a store.</summary>
    public string Name { get; }

    /// <summary>Live blocks.</summary>
    public long LiveBlocks => Statistics.LiveBlocks;

    /// <summary>Usable bytes in them.</summary>
    public long LiveBytes => Statistics.LiveBytes;

    /// <summary>Bytes committed.</summary>
    public long CommittedBytes => Statistics.CommittedBytes;

    /// <summary>The part of the live bytes that nobody asked for, 0 to 1.</summary>
    public double InternalFragmentation => Statistics.InternalFragmentation;

    /// <summary>The part of the committed bytes that hold no block and cannot be given back, 0 to 1.</summary>
    public double ExternalFragmentation => Statistics.ExternalFragmentation;

    /// <summary>All counters.</summary>
    public AllocatorStatistics Statistics { get; }

    /// <summary>Per size class and per zone.</summary>
    public IReadOnlyList<AllocatorGroup> Groups { get; }

    /// <summary>Per owner, those with most bytes first.</summary>
    public IReadOnlyList<OwnerStatistics> Owners { get; }

    /// <summary>Times of allocations, or null where nobody measured.</summary>
    public LatencyReport? AllocationLatency { get; }

    /// <summary>Times of frees, or null where nobody measured.</summary>
    public LatencyReport? FreeLatency { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

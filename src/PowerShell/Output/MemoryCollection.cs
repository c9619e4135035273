using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>What a collection has brought. Sizes are bytes.</summary>
public sealed class MemoryCollection
{
    internal MemoryCollection(string allocator, CollectorStatistics statistics)
    {
        Allocator = allocator;
        Strategy = statistics.Strategy.Name;
        FreedBlocks = statistics.FreedBlocks;
        FreedBytes = statistics.FreedBytes;
        OwnersCleaned = statistics.OwnersCleaned;
        ReturnedBytes = statistics.ReturnedBytes;
        Duration = statistics.Duration;
    }

    /// <summary>Name of the allocator.</summary>
    public string Allocator { get; }

    /// <summary>How it was collected.</summary>
    public string Strategy { get; }

    /// <summary>Blocks of ended owners and lost handles that were freed.</summary>
    public long FreedBlocks { get; }

    /// <summary>Bytes in them.</summary>
    public long FreedBytes { get; }

    /// <summary>Owners from whom blocks were freed.</summary>
    public int OwnersCleaned { get; }

    /// <summary>Bytes given back to the operating system.</summary>
    public long ReturnedBytes { get; }

    /// <summary>How long it took.</summary>
    public TimeSpan Duration { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Allocator}: {FreedBlocks} blocks freed, {ReturnedBytes} bytes given back";
}

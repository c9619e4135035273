namespace DimensionStore.Memory;

/// <summary>What one run of a <see cref="GlobalCollector"/> did.</summary>
public readonly record struct CollectorStatistics
{
    /// <summary>How it collected.</summary>
    public CollectionStrategy Strategy { get; init; }

    /// <summary>Usable bytes of the blocks it freed.</summary>
    public long FreedBytes { get; init; }

    /// <summary>Blocks it freed.</summary>
    public long FreedBlocks { get; init; }

    /// <summary>Owners these belonged to.</summary>
    public int OwnersCleaned { get; init; }

    /// <summary>Bytes given back to the operating system.</summary>
    public long ReturnedBytes { get; init; }

    /// <summary>How long it took.</summary>
    public TimeSpan Duration { get; init; }
}

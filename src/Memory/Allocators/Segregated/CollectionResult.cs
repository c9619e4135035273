namespace DimensionStore.Memory;

/// <summary>What one collection did.</summary>
public readonly record struct CollectionResult
{
    /// <summary>Blocks their users had freed since the last collection, whose memory it dealt with.</summary>
    public long FreedBlocks { get; init; }

    /// <summary>Unreferenced blocks that the collection freed itself.</summary>
    public long ReclaimedBlocks { get; init; }

    /// <summary>Usable bytes in <see cref="ReclaimedBlocks"/>.</summary>
    public long ReclaimedBytes { get; init; }

    /// <summary>Bytes given back to the operating system.</summary>
    public long ReturnedBytes { get; init; }

    /// <summary>Owners that <see cref="ReclaimedBlocks"/> belonged to.</summary>
    public int OwnersCleaned { get; init; }

    /// <summary>How long it took.</summary>
    public TimeSpan Duration { get; init; }
}

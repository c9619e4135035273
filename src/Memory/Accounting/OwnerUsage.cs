namespace DimensionStore.Memory;

/// <summary>What one owner uses, as its ledger counts it.</summary>
public readonly record struct OwnerUsage
{
    /// <summary>Whose.</summary>
    public OwnerId Owner { get; init; }

    /// <summary>Usable bytes of its live blocks.</summary>
    public long UsedBytes { get; init; }

    /// <summary>Highest <see cref="UsedBytes"/> so far.</summary>
    public long PeakBytes { get; init; }

    /// <summary>What it may use; <see cref="long.MaxValue"/> without limit.</summary>
    public long LimitBytes { get; init; }

    /// <summary>Its live blocks.</summary>
    public long LiveBlocks { get; init; }

    /// <summary>Blocks it was given so far.</summary>
    public long AllocationCount { get; init; }

    /// <summary>Blocks of it that were freed so far.</summary>
    public long FreeCount { get; init; }

    /// <summary>Requests refused because of its limit.</summary>
    public long RefusedCount { get; init; }

    /// <summary>Whether it has ended: it gets no blocks, and those it has are collected as unreferenced.</summary>
    public bool HasEnded { get; init; }
}

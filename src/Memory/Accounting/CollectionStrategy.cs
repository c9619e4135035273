namespace DimensionStore.Memory;

/// <summary>Where a <see cref="GlobalCollector"/> collects. Immutable.</summary>
/// <remarks>
/// Whatever the strategy, a block is freed only when nobody can use it any more: its owner has ended or its handle is lost. The strategy says whose, and whether idle
/// memory goes back to the system as well.
/// </remarks>
public sealed class CollectionStrategy
{
    private CollectionStrategy(string name, OwnerId? owner, long leastBytes, bool usesDefault, bool returnsMemory)
    {
        Name = name;
        Owner = owner;
        LeastBytes = leastBytes;
        UsesDefaultThreshold = usesDefault;
        ReturnsMemory = returnsMemory;
    }

    /// <summary>From all owners; idle memory goes back.</summary>
    public static CollectionStrategy Global { get; } = new("Global", null, 0, usesDefault: false, returnsMemory: true);

    /// <summary>From owners above the collector's <see cref="GlobalCollector.ThresholdBytes"/>; idle memory goes back.</summary>
    public static CollectionStrategy DefaultThreshold { get; } = new("Threshold", null, 0, usesDefault: true, returnsMemory: true);

    /// <summary>What is unreferenced, of all owners, and nothing else: no memory goes back, so what was freed can be used again without asking the system.</summary>
    public static CollectionStrategy Unreferenced { get; } = new("Unreferenced", null, 0, usesDefault: false, returnsMemory: false);

    /// <summary>The specification's name.</summary>
    public string Name { get; }

    /// <summary>The only owner that is collected from; null for all.</summary>
    public OwnerId? Owner { get; }

    /// <summary>Owners that use less are left alone.</summary>
    public long LeastBytes { get; }

    internal bool UsesDefaultThreshold { get; }

    internal bool ReturnsMemory { get; }

    /// <summary>From owners that use at least so many bytes; idle memory goes back.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The threshold is not positive.</exception>
    public static CollectionStrategy Threshold(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        return new CollectionStrategy("Threshold", null, bytes, usesDefault: false, returnsMemory: true);
    }

    /// <summary>From one owner. Nothing is freed while it lives: <see cref="SegregatedAllocator.EndOwner"/> comes first, or <see cref="SegregatedAllocator.FreeOwner"/> does both at once.</summary>
    /// <exception cref="ArgumentException">The owner is <see cref="OwnerId.None"/>.</exception>
    public static CollectionStrategy Targeted(OwnerId owner) => owner == OwnerId.None
        ? throw new ArgumentException("Blocks without an owner are not collected. Expected an owner other than 0.", nameof(owner))
        : new CollectionStrategy("Targeted", owner, 0, usesDefault: false, returnsMemory: false);

    /// <inheritdoc/>
    public override string ToString() => Owner is { } owner ? $"{Name} {owner}" : LeastBytes > 0 ? $"{Name} {LeastBytes:N0} bytes" : Name;
}

namespace DimensionStore;

/// <summary>The dimension is known but not loaded: it was unloaded or evicted, or loading was not asked for.</summary>
public sealed class RegionNotFoundException(DimensionId dimension)
    : DimensionStoreException($"{dimension} is not loaded; load it before it is used.")
{
    /// <summary>The dimension asked for.</summary>
    public DimensionId Dimension { get; } = dimension;
}

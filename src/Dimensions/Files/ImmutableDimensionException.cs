namespace DimensionStore;

/// <summary>An immutable dimension (D09, D14, or a sealed file) would have been overwritten, unloaded or evicted. Nothing was done.</summary>
public sealed class ImmutableDimensionException(DimensionId dimension, string action, string? filePath = null)
    : DimensionStoreException($"{filePath ?? dimension.ToString()}: {dimension} is immutable and cannot be {action}{(action == "overwritten" ? "; to replace its file, delete it by hand first." : ".")}")
{
    /// <summary>The dimension.</summary>
    public DimensionId Dimension { get; } = dimension;

    /// <summary>What was tried: "overwritten", "unloaded", …</summary>
    public string Action { get; } = action;

    /// <summary>The file concerned, or null.</summary>
    public string? FilePath { get; } = filePath;
}

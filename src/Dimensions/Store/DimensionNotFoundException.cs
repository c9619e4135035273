namespace DimensionStore;

/// <summary>Neither a file nor the simulation knows the dimension.</summary>
public sealed class DimensionNotFoundException(DimensionId dimension, string basePath)
    : DimensionStoreException($"{dimension} is not known: {basePath} has no {dimension.FileName} and the simulation data does not describe it.")
{
    /// <summary>The dimension asked for.</summary>
    public DimensionId Dimension { get; } = dimension;

    /// <summary>The store's directory.</summary>
    public string BasePath { get; } = basePath;
}

namespace DimensionStore;

/// <summary>Data that a catalog is read from is not of the described form.</summary>
public sealed class InvalidCatalogException(string source, string problem, Exception? innerException = null)
    : DimensionStoreException($"{source}: {problem}", innerException)
{
    /// <summary>Where the data came from.</summary>
    public string SourceName { get; } = source;
}

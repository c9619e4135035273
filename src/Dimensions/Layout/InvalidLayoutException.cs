namespace DimensionStore;

/// <summary>A layout's data contradicts itself.</summary>
public sealed class InvalidLayoutException(string source, string problem, Exception? innerException = null)
    : DimensionStoreException($"{source}: {problem}", innerException)
{
    /// <summary>Where the data came from.</summary>
    public string SourceName { get; } = source;
}

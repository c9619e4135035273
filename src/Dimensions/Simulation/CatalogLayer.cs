namespace DimensionStore;

/// <summary>A layer of the catalog.</summary>
/// <param name="Layer">Layer number, 0 to 3.</param>
/// <param name="Depth">Its depth.</param>
/// <param name="Frequency">Its frequency in hertz.</param>
/// <param name="Keywords">The keywords that name the layer.</param>
/// <param name="Entries">Its entries; each has its own keywords and text.</param>
public sealed record CatalogLayer(int Layer, byte Depth, float Frequency, IReadOnlyList<string> Keywords, IReadOnlyList<CatalogEntry> Entries);

namespace DimensionStore;

/// <summary>An entry of the catalog.</summary>
/// <param name="Keywords">Its keywords.</param>
/// <param name="Text">Its text.</param>
public sealed record CatalogEntry(IReadOnlyList<string> Keywords, string Text);

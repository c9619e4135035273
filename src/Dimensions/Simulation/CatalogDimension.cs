namespace DimensionStore;

/// <summary>A dimension of the catalog.</summary>
/// <param name="Id">The dimension.</param>
/// <param name="Name">Its name.</param>
/// <param name="Layers">Its layers, ascending.</param>
public sealed record CatalogDimension(DimensionId Id, string Name, IReadOnlyList<CatalogLayer> Layers);

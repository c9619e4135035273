namespace DimensionStore;

/// <summary>A sequence of layers to load contexts for.</summary>
/// <param name="Steps">The layers, in order.</param>
public sealed record NavigationPath(IReadOnlyList<LayerId> Steps);

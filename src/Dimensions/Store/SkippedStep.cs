namespace DimensionStore;

/// <summary>A step of a navigation path that could not be answered.</summary>
/// <param name="Layer">The layer asked for.</param>
/// <param name="Reason">Why.</param>
public sealed record SkippedStep(LayerId Layer, Exception Reason);

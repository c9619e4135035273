namespace DimensionStore;

/// <summary>The contexts of a navigation path.</summary>
/// <param name="Contexts">One per step that could be answered, in order.</param>
/// <param name="Skipped">The steps that could not be answered, with the reason.</param>
/// <param name="DominantFrequency">The frequency that most contexts carry, the earliest in the path among equals; null without contexts.</param>
public sealed record NavigationContexts(IReadOnlyList<LayerContext> Contexts, IReadOnlyList<SkippedStep> Skipped, float? DominantFrequency);

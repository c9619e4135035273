namespace DimensionStore;

/// <summary>What a step of a navigation path gives: a layer's content with its frequency.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="DimensionName">Name of its dimension.</param>
/// <param name="Depth">Its depth.</param>
/// <param name="Frequency">Its frequency in hertz.</param>
/// <param name="Keywords">The keywords its metadata lists.</param>
/// <param name="Content">A copy of its content.</param>
/// <param name="IsSimulated">Whether it comes from the simulation.</param>
public sealed record LayerContext(LayerId Layer, string DimensionName, byte Depth, float Frequency, IReadOnlyList<string> Keywords, ReadOnlyMemory<byte> Content, bool IsSimulated);

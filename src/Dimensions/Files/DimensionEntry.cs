namespace DimensionStore;

/// <summary>One entry as sources give it: keywords and content for a layer.</summary>
/// <param name="Layer">Layer number, 0 to 3.</param>
/// <param name="Keywords">Its keywords; may be empty.</param>
/// <param name="Content">Its bytes. Valid until the next entry is asked for.</param>
public readonly record struct DimensionEntry(int Layer, IReadOnlyList<string> Keywords, ReadOnlyMemory<byte> Content);

namespace DimensionStore;

/// <summary>One entry as sources give it: keywords and content for a layer.</summary>
/// <param name="Layer">Layer number, 0 to 3.</param>
/// <param name="Keywords">Its keywords; may be empty.</param>
/// <param name="Content">Its bytes. Valid until the next entry is asked for.</param>
public readonly record struct DimensionEntry(int Layer, IReadOnlyList<string> Keywords, ReadOnlyMemory<byte> Content)
{
    /// <summary>Line of its source that it begins in, from 1; null where a source has no lines. For errors that a writer finds in an entry.</summary>
    public long? Line { get; init; }
}

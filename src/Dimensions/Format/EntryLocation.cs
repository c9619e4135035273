namespace DimensionStore;

/// <summary>Where an entry's bytes lie in its layer.</summary>
/// <param name="Layer">Layer number, 0 to 3.</param>
/// <param name="Offset">From the start of the layer's (uncompressed) content.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct EntryLocation(int Layer, long Offset, int Length);

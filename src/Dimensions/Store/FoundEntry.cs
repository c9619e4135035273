using System.Text;

namespace DimensionStore;

/// <summary>An entry found by keyword, copied out of the store.</summary>
/// <param name="Dimension">Where it was found.</param>
/// <param name="Layer">Layer number, 0 to 3.</param>
/// <param name="Keyword">The keyword that matched, as first written.</param>
/// <param name="Offset">From the start of the layer's (uncompressed) content.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Content">A copy of the entry's bytes.</param>
/// <param name="IsSimulated">Whether the answer comes from the simulation.</param>
public sealed record FoundEntry(DimensionId Dimension, int Layer, string Keyword, long Offset, int Length, ReadOnlyMemory<byte> Content, bool IsSimulated)
{
    /// <summary>The content as UTF-8 text.</summary>
    public string Text => Encoding.UTF8.GetString(Content.Span);
}

using System.Buffers;
using System.IO.Compression;

namespace DimensionStore;

/// <summary>A Brotli stream.</summary>
internal sealed class BrotliLayerDecoder(ImageSource source, long start, long length) : PiecewiseLayerDecoder(source, start, length)
{
    private BrotliDecoder _decoder;

    /// <inheritdoc/>
    public override void Dispose()
    {
        _decoder.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override OperationStatus Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
        => _decoder.Decompress(source, destination, out consumed, out written);
}

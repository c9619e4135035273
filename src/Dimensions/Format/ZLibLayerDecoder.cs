using System.IO.Compression;

namespace DimensionStore;

/// <summary>A zlib stream. .NET has no decoder of spans for it, so it is read as a stream.</summary>
internal sealed class ZLibLayerDecoder : LayerDecoder
{
    private readonly ImageRangeStream _stored;
    private readonly ZLibStream _content;

    public ZLibLayerDecoder(ImageSource source, long start, long length)
    {
        _stored = new ImageRangeStream(source, start, length);
        _content = new ZLibStream(_stored, CompressionMode.Decompress);
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> destination)
    {
        try
        {
            return _content.Read(destination);
        }
        catch (Exception error) when (!_stored.HasFailed && error is (InvalidDataException or IOException))
        {
            // The second is what a stream that wants a preset dictionary gives, although the bytes are wrong and not the source.
            throw new InvalidDataException(NoSuchStream, error);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _content.Dispose();
        _stored.Dispose();
    }
}

namespace DimensionStore;

/// <summary>The content of a compressed layer, read front to back. Not thread-safe.</summary>
internal abstract class LayerDecoder : IDisposable
{
    /// <summary>What an error says of bytes that are no stream of the codec.</summary>
    protected const string NoSuchStream = "bytes that are no such stream";

    /// <summary>Reads on.</summary>
    /// <param name="destination">Not empty.</param>
    /// <returns>How many bytes were read; 0 when the stream has ended.</returns>
    /// <exception cref="InvalidDataException">The bytes are no whole stream of the codec; the message says what they are.</exception>
    public abstract int Read(Span<byte> destination);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Opens a layer.</summary>
    /// <param name="layer">The layer, which is compressed.</param>
    /// <param name="source">Where its stored bytes are.</param>
    /// <param name="start">Where they begin there.</param>
    /// <param name="filePath">The file, for errors.</param>
    /// <exception cref="InvalidDataException">The stream's head has what the format does not allow.</exception>
    /// <exception cref="CodecUnavailableException">The codec's library is not installed.</exception>
    public static LayerDecoder Open(LayerDescriptor layer, ImageSource source, long start, string? filePath)
    {
        switch (layer.Codec)
        {
            case LayerCodec.Brotli:
                return new BrotliLayerDecoder(source, start, layer.ContentSize);
            case LayerCodec.ZLib:
                return new ZLibLayerDecoder(source, start, layer.ContentSize);
            default:
                // The library first: without it nothing can be said of the bytes.
                Memory.Native.NativeDecoder decoder = LayerCodecs.NewDecoder(layer, filePath);
                try
                {
                    Span<byte> head = stackalloc byte[(int)Math.Min(FrameHead.MaxBytes, layer.ContentSize)];
                    source.Read(start, head);
                    if (FrameHead.Check(layer.Codec, head) is { } problem)
                    {
                        throw new InvalidDataException(problem);
                    }

                    return new NativeLayerDecoder(decoder, source, start, layer.ContentSize);
                }
                catch
                {
                    decoder.Dispose();
                    throw;
                }
        }
    }
}

using System.Buffers;
using System.IO.Compression;
using DimensionStore.Memory.Native;

namespace DimensionStore;

/// <summary>Compresses a layer's collected content into a sink, piece by piece, so that memory does not grow with it.</summary>
internal static class LayerCompressor
{
    /// <summary>Appends one stream with all of the content.</summary>
    /// <exception cref="CodecUnavailableException">The codec's library is not installed.</exception>
    public static void Compress(LayerCodec codec, int layer, SpillBuffer content, ImageSink sink, CancellationToken cancellationToken)
    {
        SpillBufferReader reader = new(content);
        try
        {
            switch (codec)
            {
                case LayerCodec.Brotli:
                    using (BrotliStream brotli = new(new SinkStream(sink), CompressionLevel.Optimal))
                    {
                        Copy(ref reader, brotli, cancellationToken);
                    }

                    break;
                case LayerCodec.ZLib:
                    using (ZLibStream zlib = new(new SinkStream(sink), CompressionLevel.Optimal))
                    {
                        Copy(ref reader, zlib, cancellationToken);
                    }

                    break;
                default:
                    using (NativeEncoder encoder = LayerCodecs.NewEncoder(codec, layer, content.Length))
                    {
                        Encode(ref reader, encoder, sink, cancellationToken);
                    }

                    break;
            }
        }
        finally
        {
            reader.Dispose();
        }
    }

    private static void Copy(ref SpillBufferReader reader, Stream compressor, CancellationToken cancellationToken)
    {
        while (reader.Next() is { IsEmpty: false } bytes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            compressor.Write(bytes);
        }
    }

    private static void Encode(ref SpillBufferReader reader, NativeEncoder encoder, ImageSink sink, CancellationToken cancellationToken)
    {
        byte[] output = ArrayPool<byte>.Shared.Rent(encoder.OutputBytes);
        try
        {
            bool isFinal;
            do
            {
                ReadOnlySpan<byte> bytes = reader.Next();
                isFinal = bytes.IsEmpty;
                OperationStatus status;
                do
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    status = encoder.Encode(bytes, output, out int consumed, out int written, isFinal);
                    bytes = bytes[consumed..];
                    sink.Write(output.AsSpan(0, written));
                }
                while (status == OperationStatus.DestinationTooSmall);
            }
            while (!isFinal);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(output);
        }
    }
}

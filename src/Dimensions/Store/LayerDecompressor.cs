using System.Buffers;
using System.IO.Compression;

namespace DimensionStore;

/// <summary>Decompresses a layer into memory of exactly its declared size. Whatever the stored bytes are, no more than that is written and nothing else is allocated.</summary>
internal static class LayerDecompressor
{
    /// <summary>Decompresses.</summary>
    /// <exception cref="DimensionFormatException">The stream is damaged, or its content has another size than the file says.</exception>
    public static void Decompress(LayerDescriptor layer, ReadOnlySpan<byte> stored, Span<byte> destination, string? filePath)
    {
        string? problem = layer.Codec switch
        {
            _ when stored.IsEmpty => "an empty one",
            LayerCodec.Brotli => Brotli(stored, destination),
            LayerCodec.ZLib => ZLib(stored, destination),
            _ => $"codec {layer.Codec}",
        };
        if (problem is not null)
        {
            throw new DimensionFormatException(DimensionFormatError.BadCompressedContent, layer.ContentOffset, $"a {layer.Codec} stream of {destination.Length:N0} bytes in layer {layer.Layer}", problem, filePath);
        }
    }

    private static string? Brotli(ReadOnlySpan<byte> stored, Span<byte> destination)
    {
        using BrotliDecoder decoder = default;

        // What follows the stream's end is ignored, as the format says: a zlib stream's reader cannot tell, and one rule holds for both codecs.
        OperationStatus status = decoder.Decompress(stored, destination, out _, out int written);
        return status switch
        {
            OperationStatus.Done => Compare(written, destination.Length),
            OperationStatus.DestinationTooSmall => "more bytes",
            OperationStatus.NeedMoreData => "a stream that ends early",
            _ => "bytes that are no such stream",
        };
    }

    private static unsafe string? ZLib(ReadOnlySpan<byte> stored, Span<byte> destination)
    {
        fixed (byte* first = stored)
        {
            using UnmanagedMemoryStream input = new(first, stored.Length);
            using ZLibStream stream = new(input, CompressionMode.Decompress);
            try
            {
                int written = stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
                return written == destination.Length && stream.ReadByte() >= 0 ? "more bytes" : Compare(written, destination.Length);
            }
            catch (Exception error) when (error is InvalidDataException or IOException)
            {
                // The second is what a stream that wants a preset dictionary gives; memory itself cannot fail so.
                return "bytes that are no such stream";
            }
        }
    }

    private static string? Compare(int written, int expected) => written == expected ? null : $"{written:N0} bytes";
}

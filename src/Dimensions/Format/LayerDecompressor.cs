using System.Runtime.CompilerServices;

namespace DimensionStore;

/// <summary>Decompresses layers, into memory of exactly the declared size or into nothing. Whatever the stored bytes are, no more than that is written, and what a decoder needs beside it is bounded.</summary>
internal static class LayerDecompressor
{
    /// <summary>Checks the stored bytes by their checksum, so that a damaged stream cannot come out as other text of the same length, and decompresses them.</summary>
    /// <param name="layer">The layer, which is compressed.</param>
    /// <param name="stored">Its stored bytes.</param>
    /// <param name="destination">What the content must fill exactly; its bytes are undefined after an error.</param>
    /// <param name="filePath">The file, for errors.</param>
    /// <exception cref="DimensionFormatException">The stream is damaged, or its content has another size than the file says.</exception>
    /// <exception cref="CodecUnavailableException">The codec's library is not installed.</exception>
    public static unsafe void Decompress(LayerDescriptor layer, ReadOnlySpan<byte> stored, Span<byte> destination, string? filePath)
    {
        uint checksum = Crc32C.Append(Crc32C.Empty, stored);
        if (checksum != layer.Checksum)
        {
            throw new DimensionFormatException(DimensionFormatError.LayerChecksum, layer.ContentOffset, $"CRC-32C {layer.Checksum:X8} of layer {layer.Layer}, as the header says", $"{checksum:X8}", filePath);
        }

        fixed (byte* first = stored)
        {
            Expand(layer, new MemoryImageSource(first, stored.Length), 0, destination, destination.Length, isKept: true, filePath, CancellationToken.None);
        }
    }

    /// <summary>Decompresses a layer of an image whose checksums have been checked, and keeps nothing of it.</summary>
    /// <param name="layer">The layer, which is compressed.</param>
    /// <param name="source">The whole image.</param>
    /// <param name="scratch">Where pieces of the content go; not empty.</param>
    /// <param name="filePath">The file, for errors.</param>
    /// <param name="cancellationToken">Looked at before each piece.</param>
    /// <inheritdoc cref="Decompress" path="/exception"/>
    public static void Verify(LayerDescriptor layer, ImageSource source, Span<byte> scratch, string? filePath, CancellationToken cancellationToken)
        => Expand(layer, source, layer.ContentOffset, scratch, layer.UncompressedSize, isKept: false, filePath, cancellationToken);

    // Not inlined: only a file that is compressed shall load the compression libraries.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Expand(
        LayerDescriptor layer, ImageSource source, long start, Span<byte> destination, long declared, bool isKept, string? filePath, CancellationToken cancellationToken)
    {
        string found;
        try
        {
            using LayerDecoder decoder = LayerDecoder.Open(layer, source, start, filePath);
            Span<byte> oneMore = stackalloc byte[1];
            long size = 0;

            // One byte more than stated ends it: a few bytes that claim to be a terabyte are refused early.
            while (size <= declared)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int read = decoder.Read(!isKept ? destination : size < declared ? destination[(int)size..] : oneMore);
                if (read == 0)
                {
                    break;
                }

                size += read;
            }

            if (size == declared)
            {
                return;
            }

            found = size > declared ? "more bytes" : $"{size:N0} bytes";
        }
        catch (InvalidDataException damage)
        {
            found = damage.Message;
        }

        throw new DimensionFormatException(DimensionFormatError.BadCompressedContent, layer.ContentOffset, $"a {layer.Codec} stream of {declared:N0} bytes in layer {layer.Layer}", found, filePath);
    }
}

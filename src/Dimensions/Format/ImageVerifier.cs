using System.Buffers;
using System.Security.Cryptography;

namespace DimensionStore;

/// <summary>
/// The full verification of a file whose header and metadata have been parsed. One pass over the file in its order takes checksums, padding and seal;
/// then compressed contents are decompressed into nothing, and the index, which is proved whole by then, is walked. Memory: a buffer, and the index where its source must read it.
/// </summary>
internal sealed class ImageVerifier(DimensionDescriptor descriptor, ImageSource source, string? filePath)
{
    private const int BufferBytes = 128 * 1024;

    private readonly List<string> _checks = [];

    /// <summary>What has been checked and found right so far.</summary>
    public IReadOnlyList<string> Checks => _checks;

    /// <summary>Verifies. A plain file has nothing beyond header and metadata that could be checked.</summary>
    /// <exception cref="DimensionFormatException">The first broken rule.</exception>
    /// <exception cref="CodecUnavailableException">A layer's codec needs a library that is not installed; what came before it is right.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Run(CancellationToken cancellationToken = default)
    {
        _checks.Add("header");
        if (descriptor.IsPlain)
        {
            return;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(BufferBytes, Math.Max(source.Length, DimensionFormat.HeaderBytes)));
        try
        {
            CheckBytes(buffer, cancellationToken);
            foreach (LayerDescriptor layer in descriptor.Layers)
            {
                if (layer.Codec != LayerCodec.None && layer.ContentSize != 0)
                {
                    LayerDecompressor.Verify(layer, source, buffer, filePath, cancellationToken);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (descriptor.HasIndex)
        {
            CheckIndex();
            _checks.Add("index");
        }
    }

    private void CheckBytes(byte[] buffer, CancellationToken cancellationToken)
    {
        using IncrementalHash? seal = descriptor.IsSealed ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        Span<byte> storedSeal = stackalloc byte[DimensionFormat.SealBytes];
        long position = 0;
        HashHeader(buffer, seal, storedSeal);
        position = DimensionFormat.HeaderBytes;
        Walk(ref position, DimensionFormat.HeaderBytes + (long)descriptor.MetadataLength, Section.Metadata, buffer, seal, cancellationToken);
        List<LayerDescriptor> layers = [.. descriptor.Layers];
        layers.Sort(static (x, y) => x.ContentOffset != y.ContentOffset ? x.ContentOffset.CompareTo(y.ContentOffset) : x.ContentSize.CompareTo(y.ContentSize));
        foreach (LayerDescriptor layer in layers)
        {
            if (layer.ContentSize > 0)
            {
                Walk(ref position, layer.ContentOffset, Section.Padding, buffer, seal, cancellationToken);
            }

            uint checksum = layer.ContentSize == 0
                ? Crc32C.Empty
                : Walk(ref position, layer.ContentOffset + layer.ContentSize, Section.Content, buffer, seal, cancellationToken);
            CheckChecksum(DimensionFormatError.LayerChecksum, layer.ContentOffset, $"layer {layer.Layer}", checksum, layer.Checksum);
            _checks.Add($"layer {layer.Layer}");
        }

        Walk(ref position, descriptor.HasIndex ? descriptor.IndexOffset : descriptor.TotalSize, Section.Padding, buffer, seal, cancellationToken);
        if (descriptor.HasIndex)
        {
            uint checksum = Walk(ref position, descriptor.TotalSize, Section.Content, buffer, seal, cancellationToken);
            CheckChecksum(DimensionFormatError.IndexChecksum, descriptor.IndexOffset, "the keyword index", checksum, descriptor.IndexChecksum);
        }

        _checks.Add("padding");
        if (seal is not null)
        {
            Span<byte> computed = stackalloc byte[DimensionFormat.SealBytes];
            seal.GetHashAndReset(computed);
            if (!computed.SequenceEqual(storedSeal))
            {
                throw Error(DimensionFormatError.Seal, DimensionFormat.SealOffset, $"SHA-256 {Convert.ToHexString(computed)} of the file", Convert.ToHexString(storedSeal));
            }

            _checks.Add("seal");
        }
    }

    private void HashHeader(byte[] buffer, IncrementalHash? seal, Span<byte> storedSeal)
    {
        Span<byte> header = buffer.AsSpan(0, DimensionFormat.HeaderBytes);
        source.Read(0, header);
        header.Slice(DimensionFormat.SealOffset, DimensionFormat.SealBytes).CopyTo(storedSeal);
        header.Slice(DimensionFormat.SealOffset, DimensionFormat.SealBytes).Clear();
        header.Slice(DimensionFormat.HeaderChecksumOffset, sizeof(uint)).Clear();
        seal?.AppendData(header);
    }

    /// <summary>Reads on to <paramref name="end"/> and gives the CRC-32C of what was read.</summary>
    private uint Walk(ref long position, long end, Section section, byte[] buffer, IncrementalHash? seal, CancellationToken cancellationToken)
    {
        uint checksum = Crc32C.Empty;
        while (position < end)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = (int)Math.Min(BufferBytes, end - position);
            if (!source.TryGetSpan(position, count, out ReadOnlySpan<byte> bytes))
            {
                count = Math.Min(count, buffer.Length);
                source.Read(position, buffer.AsSpan(0, count));
                bytes = buffer.AsSpan(0, count);
            }

            seal?.AppendData(bytes);
            if (section == Section.Padding)
            {
                int stray = bytes.IndexOfAnyExcept((byte)0);
                if (stray >= 0)
                {
                    throw Error(DimensionFormatError.ReservedNotZero, position + stray, "0 in the padding between sections", $"{bytes[stray]}");
                }
            }
            else if (section == Section.Content)
            {
                checksum = Crc32C.Append(checksum, bytes);
            }

            position += count;
        }

        return checksum;
    }

    private void CheckIndex()
    {
        int length = checked((int)descriptor.IndexLength);
        if (source.TryGetSpan(descriptor.IndexOffset, length, out ReadOnlySpan<byte> section))
        {
            KeywordIndexValidator.Validate(section, descriptor.IndexOffset, descriptor.Layers, filePath);
            return;
        }

        byte[] copy = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            source.Read(descriptor.IndexOffset, copy.AsSpan(0, length));
            KeywordIndexValidator.Validate(copy.AsSpan(0, length), descriptor.IndexOffset, descriptor.Layers, filePath);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(copy);
        }
    }

    private void CheckChecksum(DimensionFormatError error, long offset, string what, uint computed, uint? stored)
    {
        if (computed != stored)
        {
            throw Error(error, offset, $"CRC-32C {stored:X8} of {what}, as the header says", $"{computed:X8}");
        }
    }

    private DimensionFormatException Error(DimensionFormatError error, long offset, string expected, string found)
        => new(error, offset, expected, found, filePath);

    private enum Section
    {
        Metadata,
        Padding,
        Content,
    }
}

using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using CommunityToolkit.HighPerformance.Buffers;

namespace DimensionStore;

/// <summary>Header and metadata of an image: written last, over the place that was kept for them.</summary>
internal sealed class ImageHead(DimensionWriterOptions options, LayerComposer[] layers, int metadataLength)
{
    private const int ReadBytes = 128 << 10;

    private long _indexOffset;
    private long _indexLength;
    private uint _indexChecksum;

    private bool IsSealed => options.Id.IsImmutable && !options.Plain;

    /// <summary>Says where the keyword index was written.</summary>
    public void SetIndex(long offset, long length, uint checksum)
    {
        _indexOffset = offset;
        _indexLength = length;
        _indexChecksum = checksum;
    }

    /// <summary>Writes header and metadata, with seal and checksum, over the image's beginning.</summary>
    /// <returns>What the format's own reader makes of them.</returns>
    public DimensionDescriptor Write(ImageSink sink, string? filePath, CancellationToken cancellationToken)
    {
        using SpanOwner<byte> head = SpanOwner<byte>.Allocate(DimensionFormat.HeaderBytes + metadataLength, AllocationMode.Clear);
        Span<byte> bytes = head.Span;
        WriteHeader(bytes, sink.Position);
        WriteMetadata(bytes[DimensionFormat.HeaderBytes..]);
        if (!options.Plain)
        {
            WriteExtension(bytes);
            if (IsSealed)
            {
                WriteSeal(bytes, sink, cancellationToken);
            }

            ExtensionBlock.WriteHeaderChecksum(bytes);
        }

        sink.WriteAt(0, bytes);
        return DimensionDescriptor.Parse(bytes, sink.Position, filePath);
    }

    private void WriteHeader(Span<byte> header, long totalSize)
    {
        BinaryPrimitives.WriteInt32LittleEndian(header[DimensionFormat.IdOffset..], options.Id.Value);
        int nameBytes = Encoding.UTF8.GetBytes(options.Name, header.Slice(DimensionFormat.NameOffset, DimensionFormat.MaxNameBytes));
        BinaryPrimitives.WriteInt32LittleEndian(header[DimensionFormat.NameLengthOffset..], nameBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header[DimensionFormat.TotalSizeOffset..], totalSize);
        BinaryPrimitives.WriteInt32LittleEndian(header[DimensionFormat.LayerCountOffset..], layers.Length);
        DimensionFormat.Magic.CopyTo(header[DimensionFormat.MagicOffset..]);
    }

    private void WriteMetadata(Span<byte> metadata)
    {
        foreach (LayerComposer layer in layers)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(metadata, (ushort)layer.Number);
            metadata[2] = layer.Settings.Depth ?? (byte)layer.Number;
            BinaryPrimitives.WriteSingleLittleEndian(metadata[3..], layer.Settings.Frequency);
            BinaryPrimitives.WriteUInt32LittleEndian(metadata[7..], layer.Keywords.Count);
            metadata = metadata[DimensionFormat.LayerHeadBytes..];
            metadata = metadata[layer.Keywords.Bytes.Read(0, metadata[..(int)layer.Keywords.Bytes.Length])..];
            BinaryPrimitives.WriteInt64LittleEndian(metadata, layer.ContentOffset);
            BinaryPrimitives.WriteUInt32LittleEndian(metadata[8..], layer.ContentSize);
            metadata = metadata[DimensionFormat.LayerTailBytes..];
        }
    }

    private void WriteExtension(Span<byte> header)
    {
        ExtensionBlock block = new()
        {
            Version = DimensionFormat.ExtensionVersion,
            Flags = (ushort)(DimensionFormat.IndexFlag | (IsSealed ? DimensionFormat.SealedFlag : 0)),
            MetadataLength = (uint)metadataLength,
            IndexChecksum = _indexChecksum,
            IndexOffset = (ulong)_indexOffset,
            IndexLength = (ulong)_indexLength,
        };
        for (int i = 0; i < layers.Length; i++)
        {
            block.LayerChecksums[i] = layers[i].Checksum;
            block.UncompressedSizes[i] = layers[i].UncompressedSize;
            block.Codecs[i] = (byte)layers[i].Codec;
        }

        block.Write(header);
    }

    /// <summary>Seals the image: SHA-256 over the head, in which seal and checksum are still zero, and the body as the sink has it.</summary>
    private static void WriteSeal(Span<byte> head, ImageSink sink, CancellationToken cancellationToken)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(head);
        using SpanOwner<byte> buffer = SpanOwner<byte>.Allocate(ReadBytes);
        for (long at = head.Length; at < sink.Position;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Span<byte> piece = buffer.Span[..(int)Math.Min(ReadBytes, sink.Position - at)];
            sink.ReadAt(at, piece);
            hash.AppendData(piece);
            at += piece.Length;
        }

        Span<byte> seal = stackalloc byte[DimensionFormat.SealBytes];
        hash.GetHashAndReset(seal);
        ExtensionBlock.WriteSeal(head, seal);
    }
}

using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace DimensionStore;

/// <summary>The extension block's fields, as they stand in bytes 100 to 204 of the header. The seal itself stays in the bytes: only verification reads it.</summary>
internal struct ExtensionBlock
{
    public ushort Version;
    public ushort Flags;
    public uint HeaderChecksum;
    public uint MetadataLength;
    public uint IndexChecksum;
    public ulong IndexOffset;
    public ulong IndexLength;
    public PerLayer<uint> LayerChecksums;
    public PerLayer<uint> UncompressedSizes;
    public PerLayer<byte> Codecs;

    /// <summary>Whether the block says that the file is sealed.</summary>
    public readonly bool IsSealed => (Flags & DimensionFormat.SealedFlag) != 0;

    /// <summary>Whether the block says that there is a keyword index.</summary>
    public readonly bool HasIndex => (Flags & DimensionFormat.IndexFlag) != 0;

    /// <summary>Reads the block behind the marker.</summary>
    public static ExtensionBlock Read(ReadOnlySpan<byte> header)
    {
        header = header[..DimensionFormat.HeaderBytes];
        ExtensionBlock block = default;
        block.Version = BinaryPrimitives.ReadUInt16LittleEndian(header[DimensionFormat.ExtensionVersionOffset..]);
        block.Flags = BinaryPrimitives.ReadUInt16LittleEndian(header[DimensionFormat.FlagsOffset..]);
        block.HeaderChecksum = BinaryPrimitives.ReadUInt32LittleEndian(header[DimensionFormat.HeaderChecksumOffset..]);
        block.MetadataLength = BinaryPrimitives.ReadUInt32LittleEndian(header[DimensionFormat.MetadataLengthOffset..]);
        block.IndexChecksum = BinaryPrimitives.ReadUInt32LittleEndian(header[DimensionFormat.IndexChecksumOffset..]);
        block.IndexOffset = BinaryPrimitives.ReadUInt64LittleEndian(header[DimensionFormat.IndexOffsetOffset..]);
        block.IndexLength = BinaryPrimitives.ReadUInt64LittleEndian(header[DimensionFormat.IndexLengthOffset..]);
        for (int i = 0; i < DimensionFormat.MaxLayers; i++)
        {
            block.LayerChecksums[i] = BinaryPrimitives.ReadUInt32LittleEndian(header[(DimensionFormat.LayerChecksumsOffset + (4 * i))..]);
            block.UncompressedSizes[i] = BinaryPrimitives.ReadUInt32LittleEndian(header[(DimensionFormat.UncompressedSizesOffset + (4 * i))..]);
            block.Codecs[i] = header[DimensionFormat.CodecsOffset + i];
        }

        return block;
    }

    /// <summary>Writes marker and block over the reserved bytes; the seal is zero until <see cref="WriteSeal"/>.</summary>
    public readonly void Write(Span<byte> header)
    {
        header[DimensionFormat.ReservedOffset..DimensionFormat.HeaderBytes].Clear();
        DimensionFormat.Marker.CopyTo(header[DimensionFormat.MarkerOffset..]);
        BinaryPrimitives.WriteUInt16LittleEndian(header[DimensionFormat.ExtensionVersionOffset..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(header[DimensionFormat.FlagsOffset..], Flags);
        BinaryPrimitives.WriteUInt32LittleEndian(header[DimensionFormat.HeaderChecksumOffset..], HeaderChecksum);
        BinaryPrimitives.WriteUInt32LittleEndian(header[DimensionFormat.MetadataLengthOffset..], MetadataLength);
        BinaryPrimitives.WriteUInt32LittleEndian(header[DimensionFormat.IndexChecksumOffset..], IndexChecksum);
        BinaryPrimitives.WriteUInt64LittleEndian(header[DimensionFormat.IndexOffsetOffset..], IndexOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(header[DimensionFormat.IndexLengthOffset..], IndexLength);
        for (int i = 0; i < DimensionFormat.MaxLayers; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(header[(DimensionFormat.LayerChecksumsOffset + (4 * i))..], LayerChecksums[i]);
            BinaryPrimitives.WriteUInt32LittleEndian(header[(DimensionFormat.UncompressedSizesOffset + (4 * i))..], UncompressedSizes[i]);
            header[DimensionFormat.CodecsOffset + i] = Codecs[i];
        }
    }

    /// <summary>Puts the SHA-256 seal into a header. It is taken over the file with seal and header checksum zero.</summary>
    public static void WriteSeal(Span<byte> header, ReadOnlySpan<byte> seal)
        => seal[..DimensionFormat.SealBytes].CopyTo(header[DimensionFormat.SealOffset..]);

    /// <summary>The header checksum over header and metadata, its own four bytes taken as zero. The last field to be computed, since it covers all others.</summary>
    public static uint ComputeHeaderChecksum(ReadOnlySpan<byte> headerAndMetadata)
    {
        uint checksum = Crc32C.Compute(headerAndMetadata[..DimensionFormat.HeaderChecksumOffset]);
        checksum = Crc32C.Append(checksum, [0, 0, 0, 0]);
        return Crc32C.Append(checksum, headerAndMetadata[(DimensionFormat.HeaderChecksumOffset + 4)..]);
    }

    /// <summary>Computes the header checksum and puts it into the header.</summary>
    public static void WriteHeaderChecksum(Span<byte> headerAndMetadata)
        => BinaryPrimitives.WriteUInt32LittleEndian(headerAndMetadata[DimensionFormat.HeaderChecksumOffset..], ComputeHeaderChecksum(headerAndMetadata));

    /// <summary>One value per layer, in metadata order.</summary>
    [InlineArray(DimensionFormat.MaxLayers)]
    internal struct PerLayer<T>
    {
        private T _first;
    }
}

namespace DimensionStore;

/// <summary>Offsets, sizes and limits of <c>formats/JESSY_MMAP_V1.md</c>.</summary>
internal static class DimensionFormat
{
    /// <summary>Bytes of the header; the layer metadata follows at once.</summary>
    public const int HeaderBytes = 256;

    public const int IdOffset = 0;
    public const int NameLengthOffset = 4;
    public const int NameOffset = 8;
    public const int MaxNameBytes = 64;
    public const int TotalSizeOffset = 72;
    public const int LayerCountOffset = 80;
    public const int MagicOffset = 84;
    public const int ReservedOffset = 100;
    public const int HeaderPaddingOffset = 252;

    public const int MaxLayers = 4;

    /// <summary>Longest keyword of the metadata, in bytes of UTF-8.</summary>
    public const int MaxMetadataKeywordBytes = 4096;

    /// <summary>The writer starts contents and index at multiples of this; the index must lie so.</summary>
    public const int SectionAlignment = 64;

    /// <summary>Longest metadata a reader takes: header and metadata together fit one span.</summary>
    public const int MaxMetadataBytes = int.MaxValue - HeaderBytes;

    /// <summary>Bytes of a layer's metadata before its keywords: number, depth, frequency, keyword count.</summary>
    public const int LayerHeadBytes = 11;

    /// <summary>Bytes of a layer's metadata behind its keywords: content offset and size.</summary>
    public const int LayerTailBytes = 12;

    // Extension block, offsets from the start of the file.
    public const int MarkerOffset = 100;
    public const int ExtensionVersionOffset = 104;
    public const int FlagsOffset = 106;
    public const int HeaderChecksumOffset = 108;
    public const int MetadataLengthOffset = 112;
    public const int IndexChecksumOffset = 116;
    public const int IndexOffsetOffset = 120;
    public const int IndexLengthOffset = 128;
    public const int LayerChecksumsOffset = 136;
    public const int UncompressedSizesOffset = 152;
    public const int CodecsOffset = 168;
    public const int SealOffset = 172;
    public const int SealBytes = 32;
    public const int ExtensionReservedOffset = 204;

    public const ushort ExtensionVersion = 1;
    public const ushort SealedFlag = 1;
    public const ushort IndexFlag = 2;
    public const ushort KnownFlags = SealedFlag | IndexFlag;

    /// <summary><c>JESSY_MMAP_V1</c> and three zero bytes.</summary>
    public static ReadOnlySpan<byte> Magic => "JESSY_MMAP_V1\0\0\0"u8;

    /// <summary><c>DSX1</c>.</summary>
    public static ReadOnlySpan<byte> Marker => "DSX1"u8;

    /// <summary>The next multiple of <see cref="SectionAlignment"/>.</summary>
    public static long Align(long offset) => checked((offset + (SectionAlignment - 1)) & ~(long)(SectionAlignment - 1));
}

namespace DimensionStore;

/// <summary>Why bytes are not a dimension file. One value per rule of <c>formats/JESSY_MMAP_V1.md</c>.</summary>
public enum DimensionFormatError
{
    /// <summary>Shorter than the 256-byte header.</summary>
    TooShort,

    /// <summary>The magic is not <c>JESSY_MMAP_V1</c>.</summary>
    BadMagic,

    /// <summary>The dimension number is 0 or above 65,535.</summary>
    BadDimensionId,

    /// <summary>The name's length is 0 or above 64.</summary>
    BadNameLength,

    /// <summary>The name is not valid UTF-8.</summary>
    BadNameEncoding,

    /// <summary>Bytes behind the name are not zero.</summary>
    NamePaddingNotZero,

    /// <summary>The file is shorter than its header says.</summary>
    Truncated,

    /// <summary>The file is longer than its header says.</summary>
    TrailingData,

    /// <summary>Not one to four layers.</summary>
    BadLayerCount,

    /// <summary>A layer number above 3.</summary>
    BadLayerNumber,

    /// <summary>A layer number occurs twice.</summary>
    DuplicateLayer,

    /// <summary>Layer numbers do not ascend.</summary>
    LayersNotAscending,

    /// <summary>A frequency is NaN, infinite or negative.</summary>
    BadFrequency,

    /// <summary>The metadata runs past the end of the file.</summary>
    MetadataPastEnd,

    /// <summary>A keyword runs past the end of the metadata.</summary>
    KeywordPastEnd,

    /// <summary>A keyword is empty, longer than the limit, or holds a NUL.</summary>
    BadKeyword,

    /// <summary>A keyword is not valid UTF-8.</summary>
    BadKeywordEncoding,

    /// <summary>A content begins inside header or metadata, or ends past the end of the file.</summary>
    ContentOutOfBounds,

    /// <summary>Two contents, or a content and the index, overlap.</summary>
    ContentsOverlap,

    /// <summary>A sum of offset and size does not fit 63 bits.</summary>
    SizeOverflow,

    /// <summary>The extension block's marker is neither zero nor <c>DSX1</c>.</summary>
    UnknownExtension,

    /// <summary>The extension block has a version this reader does not know.</summary>
    UnknownExtensionVersion,

    /// <summary>A flag of the extension block is not defined.</summary>
    UnknownExtensionFlag,

    /// <summary>Reserved bytes of the extension block, or padding between sections, are not zero.</summary>
    ReservedNotZero,

    /// <summary>The metadata length of the extension block differs from where the metadata ends.</summary>
    BadMetadataLength,

    /// <summary>CRC-32C of header and metadata does not match.</summary>
    HeaderChecksum,

    /// <summary>CRC-32C of a layer does not match.</summary>
    LayerChecksum,

    /// <summary>CRC-32C of the keyword index does not match.</summary>
    IndexChecksum,

    /// <summary>The SHA-256 seal does not match.</summary>
    Seal,

    /// <summary>An immutable dimension has no seal.</summary>
    MissingSeal,

    /// <summary>A codec number this reader does not know.</summary>
    UnknownCodec,

    /// <summary>The uncompressed size contradicts the codec, or decompression gives another size or fails.</summary>
    BadCompressedContent,

    /// <summary>The keyword index lies outside the file, is misaligned or contradicts its own counts.</summary>
    BadIndex,
}

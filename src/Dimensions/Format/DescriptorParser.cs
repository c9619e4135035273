using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace DimensionStore;

/// <summary>
/// Checks header and metadata in the order in which <c>formats/JESSY_MMAP_V1.md</c> lists the rules; the first broken one is reported.
/// The rules of meaning come before the header checksum, so that a wrong writer is told its mistake, and the checksum then proves what no rule can see.
/// </summary>
internal ref partial struct DescriptorParser
{
    private const ulong HighBits = 0x8080808080808080;
    private const ulong LowBits = 0x0101010101010101;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly long _fileLength;
    private readonly string? _filePath;
    private ExtensionBlock _extension;
    private bool _isPlain;
    private long _metadataLimit;

    public DescriptorParser(ReadOnlySpan<byte> prefix, long fileLength, string? filePath)
    {
        _bytes = prefix;
        _fileLength = fileLength;
        _filePath = filePath;
    }

    public bool TryParse([NotNullWhen(true)] out DimensionDescriptor? descriptor, out int needed)
    {
        descriptor = null;
        if (_fileLength < DimensionFormat.HeaderBytes)
        {
            throw Error(DimensionFormatError.TooShort, _fileLength, "a header of 256 bytes", $"{_fileLength:N0} bytes");
        }

        if (_bytes.Length < DimensionFormat.HeaderBytes)
        {
            needed = DimensionFormat.HeaderBytes;
            return false;
        }

        CheckHeader(out uint id, out string name, out uint layerCount);
        CheckExtension(layerCount);
        if (!_isPlain && _metadataLimit > _bytes.Length)
        {
            needed = (int)_metadataLimit;
            return false;
        }

        // Four at most. An array, since spans of a type of our own are compiled anew in every process.
        var layers = new RawLayer[layerCount];
        long position = DimensionFormat.HeaderBytes;
        for (int i = 0; i < layers.Length; i++)
        {
            if (!TryReadLayer(ref position, layers, i, out needed))
            {
                return false;
            }
        }

        if (!_isPlain && position != _metadataLimit)
        {
            throw Error(
                DimensionFormatError.BadMetadataLength,
                DimensionFormat.MetadataLengthOffset,
                $"{position - DimensionFormat.HeaderBytes:N0}, where the metadata ends",
                $"{_extension.MetadataLength:N0}");
        }

        new ContentChecker(_fileLength, _filePath, _isPlain, in _extension).Check(layers, position);
        if (!_isPlain)
        {
            uint checksum = ExtensionBlock.ComputeHeaderChecksum(_bytes[..(int)position]);
            if (checksum != _extension.HeaderChecksum)
            {
                throw Error(DimensionFormatError.HeaderChecksum, DimensionFormat.HeaderChecksumOffset, $"CRC-32C {checksum:X8} of header and metadata", $"{_extension.HeaderChecksum:X8}");
            }
        }

        descriptor = Build(id, name, layers, (int)position);
        needed = 0;
        return true;
    }

    private readonly void CheckHeader(out uint id, out string name, out uint layerCount)
    {
        if (!_bytes.Slice(DimensionFormat.MagicOffset, DimensionFormat.Magic.Length).SequenceEqual(DimensionFormat.Magic))
        {
            throw Error(
                DimensionFormatError.BadMagic,
                DimensionFormat.MagicOffset,
                "JESSY_MMAP_V1 and three zero bytes",
                Convert.ToHexString(_bytes.Slice(DimensionFormat.MagicOffset, DimensionFormat.Magic.Length)));
        }

        id = U32(DimensionFormat.IdOffset);
        if (id is 0 or > DimensionId.MaxValue)
        {
            throw Error(DimensionFormatError.BadDimensionId, DimensionFormat.IdOffset, $"1 to {DimensionId.MaxValue:N0}", $"{id:N0}");
        }

        uint nameLength = U32(DimensionFormat.NameLengthOffset);
        if (nameLength is 0 or > DimensionFormat.MaxNameBytes)
        {
            throw Error(DimensionFormatError.BadNameLength, DimensionFormat.NameLengthOffset, "1 to 64", $"{nameLength:N0}");
        }

        ReadOnlySpan<byte> encoded = _bytes.Slice(DimensionFormat.NameOffset, (int)nameLength);
        if (!Utf8.IsValid(encoded))
        {
            throw Error(DimensionFormatError.BadNameEncoding, DimensionFormat.NameOffset, "UTF-8", Convert.ToHexString(encoded));
        }

        int nul = encoded.IndexOf((byte)0);
        if (nul >= 0)
        {
            throw Error(DimensionFormatError.BadNameEncoding, DimensionFormat.NameOffset + nul, "no NUL within the name", "0");
        }

        int stray = _bytes[(DimensionFormat.NameOffset + encoded.Length)..DimensionFormat.TotalSizeOffset].IndexOfAnyExcept((byte)0);
        if (stray >= 0)
        {
            int offset = DimensionFormat.NameOffset + encoded.Length + stray;
            throw Error(DimensionFormatError.NamePaddingNotZero, offset, "0 behind the name", $"{_bytes[offset]}");
        }

        ulong totalSize = U64(DimensionFormat.TotalSizeOffset);
        if (totalSize != (ulong)_fileLength)
        {
            throw Error(
                totalSize > (ulong)_fileLength ? DimensionFormatError.Truncated : DimensionFormatError.TrailingData,
                DimensionFormat.TotalSizeOffset,
                $"the file's length, {_fileLength:N0} bytes",
                $"{totalSize:N0}");
        }

        layerCount = U32(DimensionFormat.LayerCountOffset);
        if (layerCount is 0 or > DimensionFormat.MaxLayers)
        {
            throw Error(DimensionFormatError.BadLayerCount, DimensionFormat.LayerCountOffset, "1 to 4", $"{layerCount:N0}");
        }

        name = Encoding.UTF8.GetString(encoded);
    }

    private void CheckExtension(uint layerCount)
    {
        ReadOnlySpan<byte> marker = _bytes.Slice(DimensionFormat.MarkerOffset, DimensionFormat.Marker.Length);
        if (!marker.ContainsAnyExcept((byte)0))
        {
            _isPlain = true;
            _metadataLimit = _fileLength;
            return;
        }

        if (!marker.SequenceEqual(DimensionFormat.Marker))
        {
            throw Error(DimensionFormatError.UnknownExtension, DimensionFormat.MarkerOffset, "DSX1, or zero in a plain file", Convert.ToHexString(marker));
        }

        _extension = ExtensionBlock.Read(_bytes);
        if (_extension.Version != DimensionFormat.ExtensionVersion)
        {
            throw Error(DimensionFormatError.UnknownExtensionVersion, DimensionFormat.ExtensionVersionOffset, "1", $"{_extension.Version}");
        }

        if ((_extension.Flags & ~DimensionFormat.KnownFlags) != 0)
        {
            throw Error(DimensionFormatError.UnknownExtensionFlag, DimensionFormat.FlagsOffset, "no flag but 1 (sealed) and 2 (keyword index)", $"0x{_extension.Flags:X4}");
        }

        CheckZero(DimensionFormat.ExtensionReservedOffset, DimensionFormat.HeaderBytes, "the reserved bytes");
        if (!_extension.IsSealed)
        {
            CheckZero(DimensionFormat.SealOffset, DimensionFormat.SealOffset + DimensionFormat.SealBytes, "the seal of a file without the seal flag");
        }

        if (!_extension.HasIndex)
        {
            CheckZero(DimensionFormat.IndexChecksumOffset, DimensionFormat.LayerChecksumsOffset, "the index fields of a file without the index flag");
        }

        int layers = (int)layerCount;
        CheckZero(DimensionFormat.LayerChecksumsOffset + (4 * layers), DimensionFormat.UncompressedSizesOffset, "the checksums of absent layers");
        CheckZero(DimensionFormat.UncompressedSizesOffset + (4 * layers), DimensionFormat.CodecsOffset, "the uncompressed sizes of absent layers");
        CheckZero(DimensionFormat.CodecsOffset + layers, DimensionFormat.SealOffset, "the codecs of absent layers");

        _metadataLimit = DimensionFormat.HeaderBytes + (long)_extension.MetadataLength;
        if (_metadataLimit > _fileLength || _extension.MetadataLength > DimensionFormat.MaxMetadataBytes)
        {
            throw Error(
                DimensionFormatError.MetadataPastEnd,
                DimensionFormat.MetadataLengthOffset,
                $"at most {Math.Min(_fileLength - DimensionFormat.HeaderBytes, DimensionFormat.MaxMetadataBytes):N0} bytes of metadata",
                $"{_extension.MetadataLength:N0}");
        }
    }

    private readonly DimensionDescriptor Build(uint id, string name, RawLayer[] layers, int metadataEnd)
    {
        byte[] metadata = _bytes[DimensionFormat.HeaderBytes..metadataEnd].ToArray();
        var descriptors = new LayerDescriptor[layers.Length];
        for (int i = 0; i < layers.Length; i++)
        {
            ref readonly RawLayer layer = ref layers[i];
            descriptors[i] = new LayerDescriptor
            {
                Layer = layer.Number,
                Depth = layer.Depth,
                Frequency = layer.Frequency,
                KeywordCount = (int)layer.KeywordCount,
                KeywordBytes = metadata.AsMemory(layer.KeywordsStart - DimensionFormat.HeaderBytes, layer.KeywordsEnd - layer.KeywordsStart),
                ContentOffset = (long)layer.ContentOffset,
                ContentSize = layer.ContentSize,
                Codec = (LayerCodec)_extension.Codecs[i],
                UncompressedSize = _isPlain ? layer.ContentSize : _extension.UncompressedSizes[i],
                Checksum = _isPlain ? null : _extension.LayerChecksums[i],
            };
        }

        return new DimensionDescriptor
        {
            Id = new DimensionId((int)id),
            Name = name,
            TotalSize = _fileLength,
            IsPlain = _isPlain,
            IsSealed = _extension.IsSealed,
            MetadataLength = metadata.Length,
            IndexOffset = (long)_extension.IndexOffset,
            IndexLength = (long)_extension.IndexLength,
            IndexChecksum = _extension.HasIndex ? _extension.IndexChecksum : null,
            Layers = Array.AsReadOnly(descriptors),
        };
    }

    /// <summary>Whether bytes are there; false when they are in the file but not read yet; an error when they are not in the file.</summary>
    private readonly bool Has(long position, long length, string what, out int needed)
    {
        long end = position + length;
        needed = 0;
        if (end <= _bytes.Length && end <= _metadataLimit)
        {
            return true;
        }

        if (end > _metadataLimit || end > int.MaxValue)
        {
            throw _isPlain
                ? Error(DimensionFormatError.MetadataPastEnd, position, $"{length:N0} bytes for {what}", $"the end of the file at {_fileLength:N0}")
                : Error(DimensionFormatError.BadMetadataLength, DimensionFormat.MetadataLengthOffset, $"room for {what} at {position:N0}", $"metadata that ends at {_metadataLimit:N0}");
        }

        needed = (int)Math.Min(Math.Min(_fileLength, int.MaxValue), Math.Max(end, 2L * _bytes.Length));
        return false;
    }

    private readonly void CheckZero(int start, int end, string what)
    {
        int stray = _bytes[start..end].IndexOfAnyExcept((byte)0);
        if (stray >= 0)
        {
            throw Error(DimensionFormatError.ReservedNotZero, start + stray, $"0 in {what}", $"{_bytes[start + stray]}");
        }
    }

    private readonly uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[offset..]);

    private readonly ulong U64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes[offset..]);

    private readonly DimensionFormatException Error(DimensionFormatError error, long offset, string expected, string found)
        => new(error, offset, expected, found, _filePath);
}

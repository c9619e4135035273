namespace DimensionStore;

/// <summary>Checks where contents and index lie, and what the extension block says about each content.</summary>
internal readonly ref struct ContentChecker
{
    private readonly long _fileLength;
    private readonly string? _filePath;
    private readonly bool _isPlain;
    private readonly ref readonly ExtensionBlock _extension;

    public ContentChecker(long fileLength, string? filePath, bool isPlain, in ExtensionBlock extension)
    {
        _fileLength = fileLength;
        _filePath = filePath;
        _isPlain = isPlain;
        _extension = ref extension;
    }

    /// <summary>Checks all contents and the index.</summary>
    public void Check(DescriptorParser.RawLayer[] layers, long metadataEnd)
    {
        for (int i = 0; i < layers.Length; i++)
        {
            CheckBounds(in layers[i], metadataEnd);
            for (int j = 0; j < i; j++)
            {
                CheckApart(in layers[i], in layers[j]);
            }

            if (!_isPlain)
            {
                CheckCodec(in layers[i], i);
            }
        }

        if (!_isPlain && _extension.HasIndex)
        {
            CheckIndex(layers, metadataEnd);
        }
    }

    private static long OffsetField(in DescriptorParser.RawLayer layer) => layer.KeywordsEnd;

    private void CheckBounds(in DescriptorParser.RawLayer layer, long metadataEnd)
    {
        if (layer.ContentOffset > (ulong)(long.MaxValue - layer.ContentSize))
        {
            throw Error(DimensionFormatError.SizeOverflow, OffsetField(in layer), "offset and size whose sum fits 63 bits", $"{layer.ContentOffset:N0} + {layer.ContentSize:N0} in layer {layer.Number}");
        }

        long start = (long)layer.ContentOffset;
        long end = start + layer.ContentSize;
        if (start < metadataEnd || end > _fileLength)
        {
            throw Error(
                DimensionFormatError.ContentOutOfBounds,
                OffsetField(in layer),
                $"content of layer {layer.Number} between {metadataEnd:N0} and {_fileLength:N0}",
                $"{start:N0} to {end:N0}");
        }
    }

    private void CheckApart(in DescriptorParser.RawLayer layer, in DescriptorParser.RawLayer other)
    {
        ulong end = layer.ContentOffset + layer.ContentSize;
        ulong otherEnd = other.ContentOffset + other.ContentSize;
        if (layer.ContentSize != 0 && other.ContentSize != 0 && layer.ContentOffset < otherEnd && other.ContentOffset < end)
        {
            throw Error(
                DimensionFormatError.ContentsOverlap,
                OffsetField(in layer),
                $"content of layer {layer.Number} apart from layer {other.Number}'s at {other.ContentOffset:N0} to {otherEnd:N0}",
                $"{layer.ContentOffset:N0} to {end:N0}");
        }
    }

    private void CheckCodec(in DescriptorParser.RawLayer layer, int slot)
    {
        byte codec = _extension.Codecs[slot];
        if (codec > (byte)LayerCodecs.Last)
        {
            throw Error(DimensionFormatError.UnknownCodec, DimensionFormat.CodecsOffset + slot, $"0 (none), 1 (Brotli), 2 (zlib), 3 (LZ4) or 4 (Zstandard) for layer {layer.Number}", $"{codec}");
        }

        uint size = _extension.UncompressedSizes[slot];
        bool asStored = codec == (byte)LayerCodec.None || layer.ContentSize == 0;
        if (asStored && size != layer.ContentSize)
        {
            throw Error(DimensionFormatError.BadCompressedContent, DimensionFormat.UncompressedSizesOffset + (4 * slot), $"{layer.ContentSize:N0}, the stored size of layer {layer.Number}", $"{size:N0}");
        }
    }

    private void CheckIndex(DescriptorParser.RawLayer[] layers, long metadataEnd)
    {
        ulong offset = _extension.IndexOffset;
        ulong length = _extension.IndexLength;
        if (length > long.MaxValue || offset > long.MaxValue - length)
        {
            throw Error(DimensionFormatError.SizeOverflow, DimensionFormat.IndexOffsetOffset, "index offset and length whose sum fits 63 bits", $"{offset:N0} + {length:N0}");
        }

        if (offset % DimensionFormat.SectionAlignment != 0 || (long)offset < metadataEnd)
        {
            throw Error(DimensionFormatError.BadIndex, DimensionFormat.IndexOffsetOffset, $"a multiple of {DimensionFormat.SectionAlignment} from {metadataEnd:N0} on", $"{offset:N0}");
        }

        if (length is < KeywordIndexFormat.HeaderBytes or > int.MaxValue || offset + length != (ulong)_fileLength)
        {
            throw Error(
                DimensionFormatError.BadIndex,
                DimensionFormat.IndexLengthOffset,
                $"{KeywordIndexFormat.HeaderBytes} to {int.MaxValue:N0} bytes of index that end with the file at {_fileLength:N0}",
                $"{length:N0} bytes from {offset:N0}");
        }

        foreach (DescriptorParser.RawLayer layer in layers)
        {
            if (layer.ContentSize != 0 && layer.ContentOffset + layer.ContentSize > offset)
            {
                throw Error(
                    DimensionFormatError.ContentsOverlap,
                    OffsetField(in layer),
                    $"content of layer {layer.Number} in front of the index at {offset:N0}",
                    $"{layer.ContentOffset:N0} to {layer.ContentOffset + layer.ContentSize:N0}");
            }
        }
    }

    private DimensionFormatException Error(DimensionFormatError error, long offset, string expected, string found)
        => new(error, offset, expected, found, _filePath);
}

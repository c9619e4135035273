using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace DimensionStore;

/// <content>The packed metadata of a layer and its keywords.</content>
internal ref partial struct DescriptorParser
{
    private readonly bool TryReadLayer(ref long position, RawLayer[] layers, int index, out int needed)
    {
        if (!Has(position, DimensionFormat.LayerHeadBytes, "a layer's metadata", out needed))
        {
            return false;
        }

        int start = (int)position;
        ref RawLayer layer = ref layers[index];
        layer.Start = start;
        layer.Number = BinaryPrimitives.ReadUInt16LittleEndian(_bytes[start..]);
        CheckNumber(layer.Number, start, layers, index);
        layer.Depth = _bytes[start + 2];
        layer.Frequency = BinaryPrimitives.ReadSingleLittleEndian(_bytes[(start + 3)..]);
        if (!float.IsFinite(layer.Frequency) || layer.Frequency < 0)
        {
            throw Error(DimensionFormatError.BadFrequency, start + 3, $"a finite frequency of at least 0 in layer {layer.Number}", $"{layer.Frequency} (0x{U32(start + 3):X8})");
        }

        layer.KeywordCount = U32(start + 7);
        position += DimensionFormat.LayerHeadBytes;
        layer.KeywordsStart = (int)position;

        // Told at once and not keyword by keyword: a short file that claims four thousand million keywords costs nothing.
        const int LeastKeywordBytes = sizeof(uint) + 1;
        if (layer.KeywordCount * (long)LeastKeywordBytes > _metadataLimit - position)
        {
            throw Error(DimensionFormatError.KeywordPastEnd, start + 7, $"at most {(_metadataLimit - position) / LeastKeywordBytes:N0} keywords, for which there is room", $"{layer.KeywordCount:N0}");
        }

        for (uint i = 0; i < layer.KeywordCount; i++)
        {
            if (!TryReadKeyword(ref position, out needed))
            {
                return false;
            }
        }

        layer.KeywordsEnd = (int)position;
        if (!Has(position, DimensionFormat.LayerTailBytes, "a layer's content offset and size", out needed))
        {
            return false;
        }

        layer.ContentOffset = U64((int)position);
        layer.ContentSize = U32((int)position + 8);
        position += DimensionFormat.LayerTailBytes;
        return true;
    }

    private readonly void CheckNumber(ushort number, int offset, RawLayer[] layers, int before)
    {
        if (number >= DimensionFormat.MaxLayers)
        {
            throw Error(DimensionFormatError.BadLayerNumber, offset, "0 to 3", $"{number}");
        }

        for (int i = 0; i < before; i++)
        {
            if (layers[i].Number == number)
            {
                throw Error(DimensionFormatError.DuplicateLayer, offset, "each layer once", $"layer {number} again");
            }
        }

        if (before > 0 && number < layers[before - 1].Number)
        {
            throw Error(DimensionFormatError.LayersNotAscending, offset, $"a layer above {layers[before - 1].Number}", $"{number}");
        }
    }

    private readonly bool TryReadKeyword(ref long position, out int needed)
    {
        if (position + sizeof(uint) > _metadataLimit)
        {
            throw Error(DimensionFormatError.KeywordPastEnd, position, $"a keyword within the metadata, which ends at {_metadataLimit:N0}", "no room for its length");
        }

        if (!Has(position, sizeof(uint), "a keyword's length", out needed))
        {
            return false;
        }

        uint length = U32((int)position);
        if (length is 0 or > DimensionFormat.MaxMetadataKeywordBytes)
        {
            throw Error(DimensionFormatError.BadKeyword, position, $"1 to {DimensionFormat.MaxMetadataKeywordBytes:N0} bytes", $"{length:N0}");
        }

        if (position + sizeof(uint) + length > _metadataLimit)
        {
            throw Error(DimensionFormatError.KeywordPastEnd, position, $"a keyword within the metadata, which ends at {_metadataLimit:N0}", $"{length:N0} bytes");
        }

        if (!Has(position + sizeof(uint), length, "a keyword", out needed))
        {
            return false;
        }

        CheckText(_bytes.Slice((int)position + sizeof(uint), (int)length), position + sizeof(uint));
        position += sizeof(uint) + length;
        return true;
    }

    private readonly void CheckText(ReadOnlySpan<byte> keyword, long offset)
    {
        // ASCII without NUL, eight bytes at a time; nearly every keyword is, and this loop is most of what parsing costs.
        ulong odd = 0;
        int i = 0;
        for (; i + 8 <= keyword.Length; i += 8)
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(keyword[i..]);
            odd |= word | (word - LowBits);
        }

        if (i < keyword.Length)
        {
            ulong word = LittleEndian.LastWord(ref MemoryMarshal.GetReference(keyword), keyword.Length);
            odd |= word | ((word | (LowBits << ((keyword.Length & 7) * 8))) - LowBits);
        }

        if ((odd & HighBits) == 0)
        {
            return;
        }

        int nul = keyword.IndexOf((byte)0);
        if (nul >= 0)
        {
            throw Error(DimensionFormatError.BadKeyword, offset + nul, "a keyword without NUL", "NUL");
        }

        if (!Utf8.IsValid(keyword))
        {
            throw Error(DimensionFormatError.BadKeywordEncoding, offset, "UTF-8", Convert.ToHexString(keyword[..Math.Min(keyword.Length, 64)]));
        }
    }

    /// <summary>A layer's metadata as it was read, before it is known to make sense.</summary>
    internal struct RawLayer
    {
        public int Start;
        public ushort Number;
        public byte Depth;
        public float Frequency;
        public uint KeywordCount;
        public int KeywordsStart;
        public int KeywordsEnd;
        public ulong ContentOffset;
        public uint ContentSize;
    }
}

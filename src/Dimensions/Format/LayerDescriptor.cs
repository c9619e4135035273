using System.Buffers.Binary;
using System.Collections.ObjectModel;
using System.Text;

namespace DimensionStore;

/// <summary>What a file's metadata says about one layer. Immutable and thread-safe.</summary>
public sealed class LayerDescriptor
{
    private volatile IReadOnlyList<string>? _keywords;

    internal LayerDescriptor()
    {
    }

    /// <summary>Layer number, 0 to 3.</summary>
    public int Layer { get; internal init; }

    /// <summary>Depth of the layer.</summary>
    public byte Depth { get; internal init; }

    /// <summary>Frequency of the layer in hertz; finite and not negative.</summary>
    public float Frequency { get; internal init; }

    /// <summary>How many keywords the metadata lists.</summary>
    public int KeywordCount { get; internal init; }

    /// <summary>The keywords the metadata lists, in file order and spelling. Decoded on first use.</summary>
    public IReadOnlyList<string> Keywords => _keywords ??= DecodeKeywords();

    /// <summary>Where the stored bytes begin, from the start of the file.</summary>
    public long ContentOffset { get; internal init; }

    /// <summary>How many bytes are stored.</summary>
    public long ContentSize { get; internal init; }

    /// <summary>How they are stored.</summary>
    public LayerCodec Codec { get; internal init; }

    /// <summary>How many bytes the layer has once decompressed; equal to <see cref="ContentSize"/> without a codec.</summary>
    public long UncompressedSize { get; internal init; }

    /// <summary>CRC-32C of the stored bytes; null in a plain file.</summary>
    internal uint? Checksum { get; init; }

    /// <summary>The checked metadata bytes of the keywords: a u32 length and UTF-8 each.</summary>
    internal ReadOnlyMemory<byte> KeywordBytes { get; init; }

    private ReadOnlyCollection<string> DecodeKeywords()
    {
        if (KeywordCount == 0)
        {
            return ReadOnlyCollection<string>.Empty;
        }

        ReadOnlySpan<byte> bytes = KeywordBytes.Span;
        var keywords = new string[KeywordCount];
        for (int i = 0; i < keywords.Length; i++)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(bytes);
            keywords[i] = Encoding.UTF8.GetString(bytes.Slice(sizeof(uint), length));
            bytes = bytes[(sizeof(uint) + length)..];
        }

        return Array.AsReadOnly(keywords);
    }
}

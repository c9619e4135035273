using System.Buffers.Binary;

namespace DimensionStore;

/// <summary>
/// A keyword of an entry as the sorter holds it. Key: the folded bytes, a zero byte (which no keyword holds, so no key begins another) and the
/// layer, so that a keyword's entries come together, by layer and in the order they were added, which is the order of their offsets.
/// Payload: the order, offset and length of the entry, and the keyword as written, left out where folding does not change it.
/// </summary>
internal readonly ref struct EntryKeyword
{
    /// <summary>Bytes of a key behind the folded keyword.</summary>
    public const int KeyTail = 2;

    /// <summary>Bytes of a payload before the keyword as written.</summary>
    public const int PayloadHead = 16;

    /// <summary>Most bytes a record can have, and the folding's own slack.</summary>
    public const int MaxBytes = FoldedKeyword.BufferBytes + KeyTail + PayloadHead + KeywordIndexFormat.MaxDisplayBytes;

    private readonly ReadOnlySpan<byte> _payload;

    public EntryKeyword(ReadOnlySpan<byte> key, ReadOnlySpan<byte> payload)
    {
        Folded = key[..^KeyTail];
        Layer = key[^1];
        _payload = payload;
    }

    /// <summary>The keyword, case folded.</summary>
    public ReadOnlySpan<byte> Folded { get; }

    /// <summary>Layer of the entry.</summary>
    public byte Layer { get; }

    /// <summary>Which came first: the number of the entry, or of the keyword where that is what counts.</summary>
    public ulong Order => BinaryPrimitives.ReadUInt64LittleEndian(_payload);

    /// <summary>Where the entry begins in its layer.</summary>
    public uint Offset => BinaryPrimitives.ReadUInt32LittleEndian(_payload[8..]);

    /// <summary>Bytes of the entry.</summary>
    public uint Length => BinaryPrimitives.ReadUInt32LittleEndian(_payload[12..]);

    /// <summary>The keyword as written; empty where that is the folded form.</summary>
    public ReadOnlySpan<byte> Display => _payload[PayloadHead..];

    /// <summary>The keyword as written.</summary>
    public ReadOnlySpan<byte> Written => Display.IsEmpty ? Folded : Display;
}

using System.Buffers.Binary;

namespace DimensionStore;

/// <summary>
/// Walks over keywords of an index in ascending order. Use with <c>while (cursor.MoveNext())</c>.
/// Valid as long as the bytes of its index are; what it shows is valid as long, also after the next step. The default value has no keywords.
/// </summary>
public ref struct KeywordCursor
{
    private readonly ReadOnlySpan<byte> _records;
    private readonly long _recordsFileOffset;
    private readonly ulong _head;
    private readonly ulong _headMask;
    private readonly ulong _secondHead;
    private readonly ulong _secondMask;
    private ReadOnlySpan<byte> _order;
    private ReadOnlySpan<byte> _pattern;
    private KeywordRecord _current;

    /// <summary>A walk over references in ascending order that ends with them, or before the first key that differs in the masked bits of its first sixteen bytes.</summary>
    internal KeywordCursor(ReadOnlySpan<byte> order, ReadOnlySpan<byte> records, long recordsFileOffset, ulong head, ulong headMask, ulong secondHead, ulong secondMask)
    {
        _order = order;
        _records = records;
        _recordsFileOffset = recordsFileOffset;
        _head = head;
        _headMask = headMask;
        _secondHead = secondHead;
        _secondMask = secondMask;
    }

    /// <summary>The keyword as it was first written, UTF-8. Empty before the first step and after the last.</summary>
    public readonly ReadOnlySpan<byte> Keyword => _current.KeyLength == 0 ? default : _current.Display;

    /// <summary>The keyword case folded, UTF-8.</summary>
    public readonly ReadOnlySpan<byte> FoldedKeyword => _current.KeyLength == 0 ? default : _current.Key;

    /// <summary>Its entries.</summary>
    public readonly PostingList Postings => _current.KeyLength == 0 ? default : _current.Postings(_records, _recordsFileOffset);

    /// <summary>Goes to the next keyword; false at the end.</summary>
    /// <exception cref="DimensionFormatException">The index is damaged.</exception>
    public bool MoveNext()
    {
        while (!_order.IsEmpty)
        {
            KeywordRecord record = KeywordRecord.Read(_records, BinaryPrimitives.ReadUInt32LittleEndian(_order), _recordsFileOffset);
            if ((record.Head & _headMask) != _head || (_secondMask != 0 && (record.SecondHead & _secondMask) != _secondHead))
            {
                _order = default;
                break;
            }

            _order = _order[sizeof(uint)..];
            if (_pattern.IsEmpty || WildcardPattern.IsMatch(_pattern, record.Key))
            {
                _current = record;
                return true;
            }
        }

        _current = default;
        return false;
    }

    /// <summary>Leaves out keywords that do not match a folded pattern.</summary>
    internal void Match(ReadOnlySpan<byte> pattern) => _pattern = pattern;
}

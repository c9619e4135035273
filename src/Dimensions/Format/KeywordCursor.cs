using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

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
    private readonly int _shared;
    private ReadOnlySpan<byte> _order;
    private ReadOnlySpan<byte> _pattern;
    private ref byte _firstKey;

    // The record at hand, field by field: see KeywordRecord for why it is not copied as a whole.
    private ref byte _record;
    private int _keyLength;
    private int _displayLength;
    private int _postingCount;

    /// <summary>
    /// A walk over references in ascending order that ends with them, or before the first key that differs in the masked bits of its first sixteen bytes,
    /// or in its first <paramref name="shared"/> bytes from those of the first key.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal KeywordCursor(ReadOnlySpan<byte> order, ReadOnlySpan<byte> records, long recordsFileOffset, ulong head, ulong headMask, ulong secondHead, ulong secondMask, int shared)
    {
        _order = order;
        _records = records;
        _recordsFileOffset = recordsFileOffset;
        _head = head;
        _headMask = headMask;
        _secondHead = secondHead;
        _secondMask = secondMask;
        _shared = shared;
    }

    /// <summary>The keyword as it was first written, UTF-8. Empty before the first step and after the last.</summary>
    public readonly ReadOnlySpan<byte> Keyword => _keyLength == 0 ? default : Current.Display;

    /// <summary>The keyword case folded, UTF-8.</summary>
    public readonly ReadOnlySpan<byte> FoldedKeyword => _keyLength == 0 ? default : Current.Key;

    /// <summary>Its entries.</summary>
    public readonly PostingList Postings => _keyLength == 0 ? default : Current.Postings(_records, _recordsFileOffset);

    private readonly KeywordRecord Current => new(ref _record, _keyLength, _displayLength, _postingCount);

    /// <summary>Goes to the next keyword; false at the end.</summary>
    /// <exception cref="DimensionFormatException">The index is damaged.</exception>
    public bool MoveNext()
    {
        while (!_order.IsEmpty)
        {
            KeywordRecord record = KeywordRecord.Read(_records, BinaryPrimitives.ReadUInt32LittleEndian(_order), _recordsFileOffset);
            if ((record.Head & _headMask) != _head || (_secondMask != 0 && (record.SecondHead & _secondMask) != _secondHead)
                || (_shared != 0 && !SharesFirst(record.Key)))
            {
                _order = default;
                break;
            }

            _order = _order[sizeof(uint)..];
            if (_pattern.IsEmpty || WildcardPattern.IsMatch(_pattern, record.Key))
            {
                _record = ref record.First;
                _displayLength = record.DisplayLength;
                _postingCount = record.PostingCount;
                _keyLength = record.KeyLength;
                return true;
            }
        }

        _keyLength = 0;
        return false;
    }

    /// <summary>Leaves out keywords that do not match a folded pattern.</summary>
    internal void Match(ReadOnlySpan<byte> pattern) => _pattern = pattern;

    // The prefix is compared where the first key holds it, since a copy would have to outlive the call that it came with.
    private bool SharesFirst(ReadOnlySpan<byte> key)
    {
        if (Unsafe.IsNullRef(ref _firstKey))
        {
            _firstKey = ref MemoryMarshal.GetReference(key);
            return true;
        }

        return key.Length >= _shared && key.StartsWith(MemoryMarshal.CreateReadOnlySpan(ref _firstKey, _shared));
    }
}

namespace DimensionStore;

/// <summary>
/// Walks over keywords of an index in ascending order. Use with <c>while (cursor.MoveNext())</c>.
/// Valid as long as the bytes of its index are; what it shows is valid as long, also after the next step. The default value has no keywords.
/// </summary>
public ref struct KeywordCursor
{
    private readonly KeywordIndex _index;
    private readonly uint _end;
    private readonly ulong _head;
    private readonly ulong _headMask;
    private ReadOnlySpan<byte> _pattern;
    private uint _next;
    private KeywordRecord _current;

    internal KeywordCursor(KeywordIndex index, uint start, uint end, ulong head, ulong headMask)
    {
        _index = index;
        _next = start;
        _end = end;
        _head = head;
        _headMask = headMask;
    }

    /// <summary>The keyword as it was first written, UTF-8. Empty before the first step and after the last.</summary>
    public readonly ReadOnlySpan<byte> Keyword => _current.KeyLength == 0 ? default : _current.Display;

    /// <summary>The keyword case folded, UTF-8.</summary>
    public readonly ReadOnlySpan<byte> FoldedKeyword => _current.KeyLength == 0 ? default : _current.Key;

    /// <summary>Its entries.</summary>
    public readonly PostingList Postings => _current.KeyLength == 0 ? default : _current.Postings;

    /// <summary>Goes to the next keyword; false at the end.</summary>
    /// <exception cref="DimensionFormatException">The index is damaged.</exception>
    public bool MoveNext()
    {
        while (_next < _end)
        {
            KeywordRecord record = _index.RecordAt(_next++);
            if ((record.Head & _headMask) != _head)
            {
                _next = _end;
                break;
            }

            if (_pattern.IsEmpty || WildcardPattern.IsMatch(_pattern, record.Key))
            {
                _current = record;
                return true;
            }
        }

        _current = default;
        return false;
    }

    /// <summary>The same walk, over keywords that match a folded pattern only.</summary>
    internal readonly KeywordCursor Matching(ReadOnlySpan<byte> pattern)
    {
        KeywordCursor cursor = this;
        cursor._pattern = pattern;
        return cursor;
    }
}

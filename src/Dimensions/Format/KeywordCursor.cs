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
    private readonly ref byte _leaves;
    private readonly int _shared;
    private uint _position;
    private uint _end;
    private ref byte _firstKey;
    private ref byte _pattern;
    private int _patternLength;

    // The record at hand, field by field: see KeywordRecord for why it is not copied as a whole.
    private ref byte _record;
    private int _keyLength;
    private int _displayLength;
    private int _postingCount;

    /// <summary>A walk over keys in ascending order that ends before <paramref name="end"/>, or before the first key that does not begin as the first one does.</summary>
    /// <param name="leaves">The leaves of the head tree, which have a reference for each position up to the end.</param>
    /// <param name="records">What they refer to.</param>
    /// <param name="recordsFileOffset">Where the records begin in the file, for errors.</param>
    /// <param name="position">The first key.</param>
    /// <param name="end">Where the walk ends at last.</param>
    /// <param name="shared">How many bytes all keys share with the first.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal KeywordCursor(ref byte leaves, ReadOnlySpan<byte> records, long recordsFileOffset, uint position, uint end, int shared)
    {
        _leaves = ref leaves;
        _records = records;
        _recordsFileOffset = recordsFileOffset;
        _position = position;
        _end = end;
        _shared = shared;
    }

    /// <summary>The keyword as it was first written, UTF-8. Empty before the first step and after the last.</summary>
    public readonly ReadOnlySpan<byte> Keyword => _keyLength == 0 ? default : Current.Display;

    /// <summary>The keyword case folded, UTF-8.</summary>
    public readonly ReadOnlySpan<byte> FoldedKeyword => _keyLength == 0 ? default : Current.Key;

    /// <summary>Its entries.</summary>
    public readonly PostingList Postings
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _keyLength == 0 ? default : Current.Postings(_records, _recordsFileOffset);
    }

    private readonly KeywordRecord Current => new(ref _record, _keyLength, _displayLength, _postingCount);

    /// <summary>Goes to the next keyword; false at the end.</summary>
    /// <exception cref="DimensionFormatException">The index is damaged.</exception>
    // Inlined, and all that it calls is given values: a field whose address nobody takes stays in a register.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MoveNext()
    {
        while (_position < _end)
        {
            KeywordRecord record = KeywordRecord.Read(_records, KeywordIndex.ReferenceAt(ref _leaves, _position), _recordsFileOffset);
            if (_shared != 0 && !SharesFirst(record.Key))
            {
                _end = 0;
                break;
            }

            _position++;
            if (_patternLength == 0 || IsMatch(MemoryMarshal.CreateReadOnlySpan(ref _pattern, _patternLength), record.Key))
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
    internal void Match(ReadOnlySpan<byte> pattern)
    {
        _pattern = ref MemoryMarshal.GetReference(pattern);
        _patternLength = pattern.Length;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsMatch(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> key) => WildcardPattern.IsMatch(pattern, key);

    // The prefix is compared where the first key holds it, since a copy would have to outlive the call that it came with. That the first key begins with
    // it, the search has seen; what is asked here again, so that damage does not lead outside, is whether it is as long.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool SharesFirst(ReadOnlySpan<byte> key)
    {
        if (key.Length < _shared)
        {
            return false;
        }

        if (Unsafe.IsNullRef(ref _firstKey))
        {
            _firstKey = ref MemoryMarshal.GetReference(key);
            return true;
        }

        return key.StartsWith(MemoryMarshal.CreateReadOnlySpan(ref _firstKey, _shared));
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DimensionStore;

/// <summary>
/// The keyword index of a dimension, read in place. Every reference in it is bounds-checked when it is followed, so any bytes give an answer or a <see cref="DimensionFormatException"/>.
/// Valid as long as its bytes are; safe for any number of threads. The default value is an index without keywords.
/// </summary>
public readonly ref struct KeywordIndex
{
    private readonly ReadOnlySpan<byte> _section;
    private readonly long _sectionOffset;
    private readonly int _orderOffset;
    private readonly int _recordsOffset;
    private readonly uint _keyCount;
    private readonly uint _bucketCount;
    private readonly uint _maxProbe;

    /// <summary>Wraps a section whose header has been read before, with the same length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal KeywordIndex(ReadOnlySpan<byte> section, scoped in KeywordIndexHeader header, long sectionOffset)
    {
        KeywordIndexLayout layout = header.Layout;
        ArgumentOutOfRangeException.ThrowIfNotEqual(section.Length, layout.Length, nameof(section));
        _section = section;
        _sectionOffset = sectionOffset;
        _orderOffset = (int)layout.OrderOffset;
        _recordsOffset = (int)layout.RecordsOffset;
        _keyCount = layout.KeyCount;
        _bucketCount = layout.BucketCount;
        _maxProbe = header.MaxProbe;
    }

    /// <summary>Distinct keywords.</summary>
    public int KeywordCount => (int)_keyCount;

    private ReadOnlySpan<byte> Records => _section[_recordsOffset..];

    private long RecordsFileOffset => _sectionOffset + _recordsOffset;

    /// <summary>Opens an index section. Costs the same whatever its size.</summary>
    /// <param name="section">The whole section; empty for a file without an index.</param>
    /// <param name="sectionOffset">Where it begins in the file, for errors.</param>
    /// <exception cref="DimensionFormatException">The section contradicts its own counts.</exception>
    public static KeywordIndex Open(ReadOnlySpan<byte> section, long sectionOffset = 0)
        => section.IsEmpty ? default : new KeywordIndex(section, KeywordIndexHeader.Read(section, section.Length, sectionOffset), sectionOffset);

    /// <summary>Finds a keyword. Allocates nothing.</summary>
    /// <param name="keyword">In any case.</param>
    /// <param name="postings">Its entries.</param>
    /// <exception cref="DimensionFormatException">The index is damaged.</exception>
    public unsafe bool TryFind(ReadOnlySpan<char> keyword, out PostingList postings)
    {
        if (_bucketCount != 0)
        {
            fixed (byte* section = _section)
            {
                FoundPostings found = Probe(section).Find(ref MemoryMarshal.GetReference(keyword), keyword.Length);
                if (found.Count >= 0)
                {
                    postings = List(section, found);
                    return found.Count != 0;
                }
            }
        }

        return TryFindFolded(keyword, out postings);
    }

    /// <summary>Finds a keyword given as UTF-8. Allocates nothing.</summary>
    /// <param name="utf8Keyword">In any case.</param>
    /// <param name="postings">Its entries.</param>
    /// <exception cref="DimensionFormatException">The index is damaged.</exception>
    [SkipLocalsInit]
    public bool TryFind(ReadOnlySpan<byte> utf8Keyword, out PostingList postings)
    {
        Span<byte> buffer = stackalloc byte[FoldedKeyword.BufferBytes];
        FoldedKeyword folded = FoldedKeyword.Create(utf8Keyword, buffer);
        return TryFind(folded, out postings);
    }

    /// <summary>Enumerates the keywords that begin with <paramref name="prefix"/>, ascending by folded UTF-8; all of them for an empty one. Allocates nothing.</summary>
    /// <param name="prefix">In any case.</param>
    /// <exception cref="DimensionFormatException">The index is damaged.</exception>
    [SkipLocalsInit]
    public KeywordCursor FindPrefix(ReadOnlySpan<char> prefix)
    {
        if (prefix.IsEmpty)
        {
            return All();
        }

        Span<byte> buffer = stackalloc byte[FoldedKeyword.BufferBytes];
        FoldedKeyword folded = FoldedKeyword.Create(prefix, buffer);
        return folded.IsValid ? Range(folded.Bytes) : default;
    }

    /// <summary>
    /// Enumerates the keywords that match a pattern of <c>*</c> (any run of characters) and <c>?</c> (one Unicode scalar value), ascending by folded UTF-8.
    /// What stands before the first of them narrows the search. Allocates the folded pattern.
    /// </summary>
    /// <param name="pattern">In any case; a pattern that is no valid text matches nothing.</param>
    /// <exception cref="DimensionFormatException">The index is damaged.</exception>
    public KeywordCursor FindWildcard(ReadOnlySpan<char> pattern)
    {
        byte[]? folded = WildcardPattern.Fold(pattern);
        if (folded is null)
        {
            return default;
        }

        int literal = folded.AsSpan().IndexOfAny((byte)'*', (byte)'?');
        literal = literal < 0 ? folded.Length : literal;
        if (literal > KeywordFolding.MaxFoldedBytes)
        {
            return default;
        }

        KeywordCursor cursor = literal == 0 ? All() : Range(folded.AsSpan(0, literal));
        cursor.Match(folded);
        return cursor;
    }

    /// <summary>Finds a keyword that was folded and hashed before, so that many indexes can be asked for the price of one.</summary>
    internal unsafe bool TryFind(scoped FoldedKeyword keyword, out PostingList postings)
    {
        if (!keyword.IsValid || _bucketCount == 0)
        {
            postings = default;
            return false;
        }

        fixed (byte* section = _section, key = &keyword.First)
        {
            FoundPostings found = Probe(section).Find(key, keyword.Length, keyword.Hash);
            if (found.Count < 0)
            {
                ThrowDamaged((uint)found.First);
            }

            postings = List(section, found);
            return found.Count != 0;
        }
    }

    [SkipLocalsInit]
    private bool TryFindFolded(ReadOnlySpan<char> keyword, out PostingList postings)
    {
        Span<byte> buffer = stackalloc byte[FoldedKeyword.BufferBytes];
        FoldedKeyword folded = FoldedKeyword.Create(keyword, buffer);
        return TryFind(folded, out postings);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe KeywordProbe Probe(byte* section) => new(section, _bucketCount, _maxProbe, _recordsOffset, _section.Length, _sectionOffset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe PostingList List(byte* section, FoundPostings found)
    {
        nint offset = found.Count == 0 ? 0 : (nint)(found.First - section);
        return new PostingList(ref Unsafe.Add(ref MemoryMarshal.GetReference(_section), offset), (int)found.Count, _sectionOffset + offset);
    }

    /// <summary>Says what is wrong with the record that a lookup found damaged.</summary>
    [DoesNotReturn]
    private void ThrowDamaged(uint reference)
    {
        KeywordRecord.Read(Records, reference, RecordsFileOffset);
        throw new DimensionFormatException(DimensionFormatError.BadIndex, RecordsFileOffset, "a record that stays the same while it is read", $"reference {reference:N0}, whose record has changed meanwhile");
    }

    /// <summary>The record at a place in ascending order.</summary>
    internal KeywordRecord RecordAt(uint position)
    {
        ReadOnlySpan<byte> order = _section[_orderOffset.._recordsOffset];
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, _keyCount);
        uint reference = LittleEndian.U32(ref Unsafe.Add(ref MemoryMarshal.GetReference(order), (nuint)position * sizeof(uint)));
        return KeywordRecord.Read(Records, reference, RecordsFileOffset);
    }

    /// <summary>Place of the first key whose head is at least <paramref name="head"/>; the number of keys when there is none.</summary>
    internal uint LowerBound(ulong head)
    {
        uint keyCount = _keyCount;
        if (keyCount == 0)
        {
            return 0;
        }

        int shift = 3 * (KeywordIndexLayout.CountLevels(keyCount) - 1);
        ref byte level = ref Unsafe.Add(ref MemoryMarshal.GetReference(_section), KeywordIndexFormat.HeaderBytes + ((nuint)_bucketCount * KeywordIndexFormat.BucketBytes));
        uint index = 0;
        for (; ; shift -= 3)
        {
            if (shift == 0)
            {
                // The references of this group are wanted next, whichever of its eight heads it will be.
                Prefetch.Line(ref Unsafe.Add(ref MemoryMarshal.GetReference(_section), _orderOffset + ((nint)index * (KeywordIndexFormat.HeadsPerGroup * sizeof(uint)))));
            }

            // In bounds: index is below the entries of the level above, and this level has eight for each of them.
            index = (index * KeywordIndexFormat.HeadsPerGroup) + CountBelow(ref Unsafe.Add(ref level, (nuint)index * (KeywordIndexFormat.HeadsPerGroup * sizeof(ulong))), head);
            uint entries = (uint)((keyCount + (1UL << shift) - 1) >> shift);
            if (index >= entries)
            {
                return keyCount;
            }

            if (shift == 0)
            {
                return index;
            }

            level = ref Unsafe.Add(ref level, (nuint)((entries + 7) & ~7u) * sizeof(ulong));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint CountBelow(ref byte group, ulong head)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Vector512<ulong> heads = Vector512.LoadUnsafe(ref group).AsUInt64();
            return (uint)BitOperations.PopCount(Vector512.LessThan(heads, Vector512.Create(head)).ExtractMostSignificantBits());
        }

        Vector256<ulong> wanted = Vector256.Create(head);
        Vector256<ulong> low = Vector256.LoadUnsafe(ref group).AsUInt64();
        Vector256<ulong> high = Vector256.LoadUnsafe(ref group, 32).AsUInt64();
        return (uint)(BitOperations.PopCount(Vector256.LessThan(low, wanted).ExtractMostSignificantBits())
            + BitOperations.PopCount(Vector256.LessThan(high, wanted).ExtractMostSignificantBits()));
    }

    private KeywordCursor All() => _keyCount == 0 ? default : Cursor(0, _keyCount, 0, 0, 0, 0);

    private KeywordCursor Range(scoped ReadOnlySpan<byte> prefix)
    {
        if (_keyCount == 0)
        {
            return default;
        }

        // Keys hold no NUL, so a zero-padded head is an exact bound for a prefix of up to eight bytes;
        // the cursor stops by itself where the first sixteen bytes begin otherwise.
        ulong head = KeywordIndexFormat.Head(prefix);
        uint start = LowerBound(head);
        if (prefix.Length <= 8)
        {
            return Cursor(start, _keyCount, head, ulong.MaxValue << (64 - (prefix.Length * 8)), 0, 0);
        }

        start = Search(start, head, prefix, below: true);
        if (prefix.Length > 16)
        {
            return Cursor(start, Search(start, head, prefix, below: false), 0, 0, 0, 0);
        }

        return Cursor(start, _keyCount, head, ulong.MaxValue, KeywordIndexFormat.Head(prefix[8..]), ulong.MaxValue << (128 - (prefix.Length * 8)));
    }

    private KeywordCursor Cursor(uint start, uint end, ulong head, ulong headMask, ulong secondHead, ulong secondMask)
        => new(
            _section.Slice(_orderOffset + (int)(start * sizeof(uint)), (int)((end - start) * sizeof(uint))),
            Records,
            RecordsFileOffset,
            head,
            headMask,
            secondHead,
            secondMask);

    /// <summary>
    /// First place from <paramref name="start"/> on whose key is not below the prefix, or does not begin with it.
    /// In growing steps, since few keys share their first eight bytes and the heads of the next ones are at hand.
    /// </summary>
    private uint Search(uint start, ulong head, scoped ReadOnlySpan<byte> prefix, bool below)
    {
        uint low = start;
        uint high = start;
        for (uint step = 1; high < _keyCount && IsBefore(high, head, prefix, below); step <<= 1)
        {
            low = high + 1;
            high = (uint)Math.Min(_keyCount, (ulong)high + step);
        }

        while (low < high)
        {
            uint middle = low + ((high - low) >> 1);
            if (IsBefore(middle, head, prefix, below))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private bool IsBefore(uint position, ulong head, scoped ReadOnlySpan<byte> prefix, bool below)
    {
        int heads = _orderOffset - (int)((_keyCount + 7) & ~7u) * sizeof(ulong);
        if (LittleEndian.U64(ref Unsafe.Add(ref MemoryMarshal.GetReference(_section), heads + ((nint)position * sizeof(ulong)))) != head)
        {
            return false;
        }

        ReadOnlySpan<byte> key = RecordAt(position).Key;
        return below ? key.SequenceCompareTo(prefix) < 0 : key.StartsWith(prefix);
    }
}

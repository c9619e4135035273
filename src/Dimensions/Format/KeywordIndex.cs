using System.Buffers.Binary;
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
    // Keys of one head that are counted through; more are searched by halves.
    private const uint MaxCounted = 16;

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
    public KeywordCursor FindPrefix(ReadOnlySpan<char> prefix)
    {
        if (prefix.IsEmpty)
        {
            return All();
        }

        if (prefix.Length is >= FoldedKeyword.MinPairLength and <= FoldedKeyword.MaxPairLength
            && FoldedKeyword.TryFoldPair(ref MemoryMarshal.GetReference(prefix), prefix.Length, out ulong first, out ulong second, out _))
        {
            return Range(BinaryPrimitives.ReverseEndianness(first), BinaryPrimitives.ReverseEndianness(second), prefix.Length, default);
        }

        return FindFoldedPrefix(prefix);
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
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, _keyCount);
        return KeywordRecord.Read(Records, ReferenceAt(position), RecordsFileOffset);
    }

    /// <summary>Place of the first key whose head is at least <paramref name="head"/>; the number of keys when there is none.</summary>
    internal uint LowerBound(ulong head)
    {
        uint keyCount = _keyCount;
        if (keyCount == 0)
        {
            return 0;
        }

        Vector512<ulong> wanted = Vector512.Create(head);
        ref byte section = ref MemoryMarshal.GetReference(_section);
        ref byte level = ref Unsafe.Add(ref section, KeywordIndexFormat.HeaderBytes + ((nuint)_bucketCount * KeywordIndexFormat.BucketBytes));
        uint group = 0;
        for (int shift = 3 * (KeywordIndexLayout.CountLevels(keyCount) - 1); shift > 0; shift -= 3)
        {
            // In bounds: the group is below the entries of the level above, and this level has eight for each of them.
            group = (group * KeywordIndexFormat.HeadsPerGroup) + CountBelow(ref Unsafe.Add(ref level, (nuint)group * (KeywordIndexFormat.HeadsPerGroup * sizeof(ulong))), wanted);
            uint entries = ((keyCount - 1) >> shift) + 1;
            if (group >= entries)
            {
                return keyCount;
            }

            level = ref Unsafe.Add(ref level, (nuint)((entries + 7) & ~7u) * sizeof(ulong));
        }

        // The references of this group are wanted next, whichever of its eight heads it will be.
        Prefetch.Line(ref Unsafe.Add(ref section, _orderOffset + ((nint)group * (KeywordIndexFormat.HeadsPerGroup * sizeof(uint)))));
        uint index = (group * KeywordIndexFormat.HeadsPerGroup) + CountBelow(ref Unsafe.Add(ref level, (nuint)group * (KeywordIndexFormat.HeadsPerGroup * sizeof(ulong))), wanted);
        return Math.Min(index, keyCount);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint CountBelow(ref byte group, Vector512<ulong> wanted)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Vector512<ulong> heads = Vector512.LoadUnsafe(ref group).AsUInt64();
            return (uint)BitOperations.PopCount(Vector512.LessThan(heads, wanted).ExtractMostSignificantBits());
        }

        Vector256<ulong> low = Vector256.LoadUnsafe(ref group).AsUInt64();
        Vector256<ulong> high = Vector256.LoadUnsafe(ref group, 32).AsUInt64();
        return (uint)(BitOperations.PopCount(Vector256.LessThan(low, wanted.GetLower()).ExtractMostSignificantBits())
            + BitOperations.PopCount(Vector256.LessThan(high, wanted.GetLower()).ExtractMostSignificantBits()));
    }

    private KeywordCursor All() => Cursor(0, _keyCount, 0, 0, 0, 0, 0);

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private KeywordCursor FindFoldedPrefix(ReadOnlySpan<char> prefix)
    {
        Span<byte> buffer = stackalloc byte[FoldedKeyword.BufferBytes];
        return Range(FoldedKeyword.Create(prefix, buffer).Bytes);
    }

    /// <summary>The keywords that begin with a folded prefix; none for an empty one, which stands for what is no text.</summary>
    private KeywordCursor Range(scoped ReadOnlySpan<byte> prefix)
        => Range(KeywordIndexFormat.Head(prefix), prefix.Length <= 8 ? 0 : KeywordIndexFormat.Head(prefix[8..]), prefix.Length, prefix);

    /// <summary>The keywords that begin with a folded prefix.</summary>
    /// <param name="head">Its first eight bytes as a big-endian number, zero padded.</param>
    /// <param name="second">The next eight.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="prefix">All of it; needed above sixteen bytes.</param>
    // One cursor is made, in one place: a method that makes several clears room for each of them when it is entered.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private KeywordCursor Range(ulong head, ulong second, int length, scoped ReadOnlySpan<byte> prefix)
    {
        uint end = length == 0 ? 0 : _keyCount;
        uint start = 0;
        ulong headMask = 0;
        ulong secondMask = 0;
        int shared = 0;
        if (end != 0)
        {
            // Keys hold no NUL, so a zero-padded head is an exact bound for a prefix of up to eight bytes. Where to end is not searched for:
            // the cursor stops by itself at the first key that begins otherwise.
            start = LowerBound(head);
            if (length <= 8)
            {
                headMask = ulong.MaxValue << (64 - (length * 8));
            }
            else
            {
                headMask = ulong.MaxValue;
                start = SearchBehindHead(start, head, second, prefix);
                secondMask = ulong.MaxValue;
                if (length <= 16)
                {
                    secondMask <<= 128 - (length * 8);
                }
                else if (BeginsWith(start, prefix))
                {
                    shared = length;
                }
                else
                {
                    end = start;
                }
            }
        }

        return Cursor(start, end, head, headMask, second, secondMask, shared);
    }

    private bool BeginsWith(uint position, scoped ReadOnlySpan<byte> prefix) => position < _keyCount && RecordAt(position).Key.StartsWith(prefix);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private KeywordCursor Cursor(uint start, uint end, ulong head, ulong headMask, ulong secondHead, ulong secondMask, int shared)
        => new(
            _section.Slice(_orderOffset + (int)(start * sizeof(uint)), (int)((end - start) * sizeof(uint))),
            Records,
            RecordsFileOffset,
            head,
            headMask,
            secondHead,
            secondMask,
            shared);

    /// <summary>First place from <paramref name="start"/> on, where the first key with this head is, whose key is not below a prefix of more than eight bytes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint SearchBehindHead(uint start, ulong head, ulong second, scoped ReadOnlySpan<byte> prefix)
    {
        uint limit = (uint)Math.Min(_keyCount, (ulong)start + MaxCounted);
        uint end = start;
        while (end < limit && HeadAt(end) == head)
        {
            end++;
        }

        if (end - start == MaxCounted)
        {
            return Gallop(start, head, second, prefix);
        }

        // Few keys share a head as a rule. Of these the ones below are counted: the records lie side by side and are fetched at once, while each step
        // of a search that branches would wait for one of them, guess its outcome, and guess wrong every other time.
        uint low = start;
        for (uint position = start; position < end; position++)
        {
            low += KeywordRecord.ReadSecondHead(Records, ReferenceAt(position), RecordsFileOffset) < second ? 1u : 0u;
        }

        while (prefix.Length > 16 && low < end && RecordAt(low).Key.SequenceCompareTo(prefix) < 0)
        {
            low++;
        }

        return low;
    }

    /// <summary>The same in growing steps and then by halves, for a head that many keys share.</summary>
    private uint Gallop(uint start, ulong head, ulong second, scoped ReadOnlySpan<byte> prefix)
    {
        uint low = start;
        uint high = start;
        for (uint step = 1; high < _keyCount && IsBelow(high, head, second, prefix); step <<= 1)
        {
            low = high + 1;
            high = (uint)Math.Min(_keyCount, (ulong)high + step);
        }

        while (low < high)
        {
            uint middle = low + ((high - low) >> 1);
            if (IsBelow(middle, head, second, prefix))
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

    private bool IsBelow(uint position, ulong head, ulong second, scoped ReadOnlySpan<byte> prefix)
    {
        if (HeadAt(position) != head)
        {
            return false;
        }

        ulong found = KeywordRecord.ReadSecondHead(Records, ReferenceAt(position), RecordsFileOffset);
        return found < second || (found == second && prefix.Length > 16 && RecordAt(position).Key.SequenceCompareTo(prefix) < 0);
    }

    /// <summary>A head of level 0. In bounds: the level has one for each key, and the caller stays below their number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong HeadAt(uint position)
    {
        nint heads = _orderOffset - ((nint)((_keyCount + 7) & ~7u) * sizeof(ulong));
        return LittleEndian.U64(ref Unsafe.Add(ref MemoryMarshal.GetReference(_section), heads + ((nint)position * sizeof(ulong))));
    }

    /// <summary>A reference in ascending order of keys. In bounds as <see cref="HeadAt"/> is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint ReferenceAt(uint position) => LittleEndian.U32(ref Unsafe.Add(ref MemoryMarshal.GetReference(_section), _orderOffset + ((nint)position * sizeof(uint))));
}

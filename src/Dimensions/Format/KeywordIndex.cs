using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore;

/// <summary>
/// The keyword index of a dimension, read in place. Every reference in it is bounds-checked when it is followed, so any bytes give an answer or a <see cref="DimensionFormatException"/>.
/// Valid as long as its bytes are; safe for any number of threads. The default value is an index without keywords.
/// </summary>
public readonly ref partial struct KeywordIndex
{
    private readonly ReadOnlySpan<byte> _section;
    private readonly long _sectionOffset;
    private readonly ref byte _tree;
    private readonly ref byte _leaves;
    private readonly ReadOnlySpan<byte> _records;
    private readonly uint _keyCount;
    private readonly uint _bucketCount;
    private readonly uint _maxProbe;
    private readonly int _topShift;

    /// <summary>Wraps a section whose header has been read before, with the same length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal KeywordIndex(ReadOnlySpan<byte> section, scoped in KeywordIndexHeader header, long sectionOffset)
    {
        KeywordIndexLayout layout = header.Layout;
        if (section.Length != layout.Length)
        {
            ThrowOtherLength(section, layout.Length);
        }

        _section = section;
        _sectionOffset = sectionOffset;
        _tree = ref Unsafe.Add(ref MemoryMarshal.GetReference(section), (nint)layout.HeadTreeOffset);
        _leaves = ref Unsafe.Add(ref MemoryMarshal.GetReference(section), (nint)layout.LeavesOffset);
        _records = section[(int)layout.RecordsOffset..];
        _topShift = 3 * (layout.LevelCount - 1);
        _keyCount = layout.KeyCount;
        _bucketCount = layout.BucketCount;
        _maxProbe = header.MaxProbe;
    }

    /// <summary>Distinct keywords.</summary>
    public int KeywordCount => (int)_keyCount;

    private long RecordsFileOffset => _sectionOffset + (_section.Length - _records.Length);

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
                // Two probes, made where they are used: of the first one nothing but registers remains as long as nobody takes its address.
                FoundPostings found = Probe(section).FindShort(ref MemoryMarshal.GetReference(keyword), keyword.Length);
                if (found.Count < 0)
                {
                    found = Probe(section).FindOther(ref MemoryMarshal.GetReference(keyword), keyword.Length);
                }

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
    // Inlined into the caller, as the cursor's steps are, and the cursor put together in one place only, so that its fields stay in registers there.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KeywordCursor FindPrefix(ReadOnlySpan<char> prefix)
    {
        ulong place = LocatePrefix(ref MemoryMarshal.GetReference(prefix), prefix.Length);
        return Cursor((uint)place, (int)(place >> 32));
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

        ReadOnlySpan<byte> prefix = folded.AsSpan(0, literal);
        KeywordCursor cursor = Cursor(Locate(prefix), literal);
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
    private unsafe KeywordProbe Probe(byte* section) => new(section, _bucketCount, _maxProbe, _section.Length - _records.Length, _section.Length, _sectionOffset);

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
        KeywordRecord.Read(_records, reference, RecordsFileOffset);
        throw new DimensionFormatException(DimensionFormatError.BadIndex, RecordsFileOffset, "a record that stays the same while it is read", $"reference {reference:N0}, whose record has changed meanwhile");
    }

    [DoesNotReturn]
    private static void ThrowOtherLength(ReadOnlySpan<byte> section, long expected)
        => throw new ArgumentOutOfRangeException(nameof(section), section.Length, $"The header is that of a section of {expected:N0} bytes.");

    /// <summary>How the keyword was first written whose entries a lookup found.</summary>
    internal ReadOnlySpan<byte> DisplayOf(PostingList postings)
    {
        nint record = Unsafe.ByteOffset(ref MemoryMarshal.GetReference(_records), ref postings.First) - KeywordIndexFormat.RecordHeadBytes;
        return KeywordRecord.Read(_records, (uint)(record / sizeof(ulong)) + 1, RecordsFileOffset).Display;
    }

    /// <summary>The record at a place in ascending order.</summary>
    internal KeywordRecord RecordAt(uint position)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, _keyCount);
        return KeywordRecord.Read(_records, ReferenceAt(ref _leaves, position), RecordsFileOffset);
    }

    /// <summary>The reference of a key's record in the leaves. In bounds: there is one for each key, and the caller stays below their number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint ReferenceAt(ref byte leaves, uint position)
        => LittleEndian.U32(ref Unsafe.Add(ref leaves, Leaf(position) + KeywordIndexFormat.LeafReferencesOffset + ((nint)(position & 7) * sizeof(uint))));
}

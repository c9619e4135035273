using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore;

/// <summary>One record of an index: key, spelling and postings of a keyword, bounds-checked when it was read.</summary>
internal readonly ref struct KeywordRecord
{
    // Four fields, all scalars, which the compiler keeps in registers. One more and the record lives in memory, whole copies of it are vector loads of
    // what narrower stores have just written, and each such copy waits until these stores have left the processor.
    private readonly ref byte _first;
    private readonly int _displayLength;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal KeywordRecord(ref byte first, int keyLength, int displayLength, int postingCount)
    {
        _first = ref first;
        KeyLength = keyLength;
        _displayLength = displayLength;
        PostingCount = postingCount;
    }

    /// <summary>Bytes of the folded key.</summary>
    public int KeyLength { get; }

    /// <summary>The folded key.</summary>
    public ReadOnlySpan<byte> Key
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => MemoryMarshal.CreateReadOnlySpan(ref KeyStart, KeyLength);
    }

    /// <summary>Whether the keyword was first written otherwise than its key.</summary>
    public bool HasDisplay => _displayLength != 0;

    /// <summary>The keyword as first written.</summary>
    public ReadOnlySpan<byte> Display => _displayLength == 0 ? Key : MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref KeyStart, KeyLength), _displayLength);

    /// <summary>How many entries.</summary>
    public int PostingCount { get; }

    /// <summary>Its first byte.</summary>
    internal ref byte First => ref _first;

    /// <summary>Bytes of the keyword as first written; 0 when it was written as the key is.</summary>
    internal int DisplayLength => _displayLength;

    /// <summary>The first byte of the key.</summary>
    internal ref byte KeyStart => ref Unsafe.Add(ref _first, KeywordIndexFormat.RecordHeadBytes + ((nint)PostingCount * KeywordIndexFormat.PostingBytes));

    /// <summary>The entries.</summary>
    /// <param name="records">The records that this one was read from.</param>
    /// <param name="recordsFileOffset">Where they begin in the file, for errors.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public PostingList Postings(ReadOnlySpan<byte> records, long recordsFileOffset)
    {
        ref byte postings = ref Unsafe.Add(ref _first, KeywordIndexFormat.RecordHeadBytes);
        return new PostingList(ref postings, PostingCount, recordsFileOffset + Unsafe.ByteOffset(ref MemoryMarshal.GetReference(records), ref postings));
    }

    /// <summary>Reads the record that a reference names.</summary>
    /// <param name="records">All records.</param>
    /// <param name="reference">Offset divided by eight, plus one.</param>
    /// <param name="recordsFileOffset">Where the records begin in the file, for errors.</param>
    /// <exception cref="DimensionFormatException">The record does not lie within the records.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static KeywordRecord Read(ReadOnlySpan<byte> records, uint reference, long recordsFileOffset)
    {
        // Reference 0 wraps to an offset far outside and is refused with the rest.
        ulong offset = (ulong)(reference - 1) * 8;
        if (offset + KeywordIndexFormat.RecordHeadBytes > (ulong)records.Length)
        {
            throw Outside(reference, records.Length, recordsFileOffset);
        }

        ref byte first = ref Unsafe.Add(ref MemoryMarshal.GetReference(records), (nint)offset);
        ulong head = LittleEndian.U64(ref first);
        int keyLength = (ushort)head;
        int displayLength = (ushort)(head >> 16);
        ulong postingCount = head >> 32;
        ulong bytes = KeywordIndexFormat.RecordHeadBytes + (postingCount * KeywordIndexFormat.PostingBytes) + (uint)keyLength + (uint)displayLength;
        if (keyLength is 0 or > KeywordIndexFormat.MaxKeyBytes
            || displayLength > KeywordIndexFormat.MaxDisplayBytes
            || postingCount == 0
            || offset + bytes > (ulong)records.Length)
        {
            throw Damaged(keyLength, displayLength, postingCount, records.Length, recordsFileOffset + (long)offset);
        }

        return new KeywordRecord(ref first, keyLength, displayLength, (int)postingCount);
    }

    private static DimensionFormatException Outside(uint reference, int recordsLength, long recordsFileOffset)
        => new(DimensionFormatError.BadIndex, recordsFileOffset, $"a reference to a record within {recordsLength:N0} bytes", $"reference {reference:N0}");

    private static DimensionFormatException Damaged(int keyLength, int displayLength, ulong postingCount, int recordsLength, long fileOffset)
        => new(
            DimensionFormatError.BadIndex,
            fileOffset,
            $"a record with a key of 1 to {KeywordIndexFormat.MaxKeyBytes:N0} bytes, a spelling of at most {KeywordIndexFormat.MaxDisplayBytes:N0} and at least one posting, within {recordsLength:N0} bytes of records",
            $"{keyLength:N0} bytes, {displayLength:N0} bytes, {postingCount:N0} postings");
}

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DimensionStore.Memory.Native;

namespace DimensionStore;

/// <summary>
/// Looks one keyword up in the hash part of an index. Addresses and counts are worked out once, when the index is opened. Every reference is
/// bounds-checked when it is followed; damage is answered, not thrown. Valid as long as the section stays where it is; safe for any number of threads.
/// </summary>
/// <remarks>
/// A lookup is two cache misses in a row, bucket line and record, and the processor hides them behind those of the lookups that follow, as far as its
/// window of some 450 instructions reaches and until it has guessed a branch wrong whose condition it is still waiting for. So among many lookups the time
/// of one follows its instructions and its surprises. Hence raw addresses, loaded where they are needed; keywords of up to 32 characters folded, hashed
/// and compared in registers, without a branch on their length; two registers as the result; no ref structs that are copied; no exceptions, no try block
/// and no calls on the way.
/// </remarks>
internal readonly unsafe struct KeywordProbe
{
    // Bits of a byte-wise comparison: two for each tag.
    private const uint TagBits = (1u << (KeywordIndexFormat.SlotsPerBucket * sizeof(ushort))) - 1;

    private readonly byte* _buckets;
    private readonly byte* _records;
    private readonly byte* _image;
    private readonly ulong _recordsLength;
    private readonly uint _bucketCount;
    private readonly uint _maxProbe;

    /// <summary>Prepares lookups in a section.</summary>
    /// <param name="section">Its first byte. Must not move.</param>
    /// <param name="bucketCount">As in the section's header, which has been checked.</param>
    /// <param name="maxProbe">As in the header.</param>
    /// <param name="recordsOffset">Where the records begin in the section.</param>
    /// <param name="sectionLength">Bytes of the section, up to the end of the records.</param>
    /// <param name="sectionOffset">Where the section begins in the file, which hints count from.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KeywordProbe(byte* section, uint bucketCount, uint maxProbe, long recordsOffset, long sectionLength, long sectionOffset)
    {
        _buckets = section + KeywordIndexFormat.HeaderBytes;
        _records = section + recordsOffset;
        _image = section - sectionOffset;
        _recordsLength = (ulong)(sectionLength - recordsOffset);
        _bucketCount = bucketCount;
        _maxProbe = maxProbe;
    }

    /// <summary>
    /// Finds a keyword of 1 to 16 ASCII characters whose tag is the first fitting one of its first line, where 49 of 50 keys are. Made to be inlined:
    /// it calls nothing, and what it does not answer begins anew in <see cref="FindOther"/>.
    /// </summary>
    /// <param name="keyword">Its first unit, in any case.</param>
    /// <param name="length">Units.</param>
    /// <returns>Postings, none, or <see cref="FoundPostings.Unknown"/>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FoundPostings FindShort(scoped ref char keyword, int length)
    {
        if (AsciiKeyword.TryFold(ref keyword, length, out Vector128<byte> key))
        {
            uint hash = KeywordHash.Finish(KeywordHash.Add(KeywordHash.Start, key));
            byte* line = Line(KeywordIndexFormat.Bucket(hash, _bucketCount));
            uint match = Match(line, KeywordIndexFormat.Tag(hash));
            if (match != 0)
            {
                // Sixteen bytes of the key are compared, which is more than there may be: the last record is left to the careful way.
                byte* record = Follow(line, match, AsciiKeyword.BlockLength, out ulong head, out byte* recordKey);
                if ((ushort)head == length && (Vector128.Load(recordKey) & AsciiKeyword.Mask(length)) == key)
                {
                    return Postings(record, head);
                }
            }
            else if (IsOpen(line))
            {
                return default;
            }
        }

        return new FoundPostings(null, FoundPostings.Unknown);
    }

    /// <summary>Finds a keyword that <see cref="FindShort"/> has no answer for.</summary>
    /// <param name="keyword">Its first unit, in any case.</param>
    /// <param name="length">Units.</param>
    /// <returns>What <see cref="Find(byte*, int, uint)"/> returns; <see cref="FoundPostings.Unknown"/> also for a keyword that is not all ASCII, which must be folded first.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public FoundPostings FindOther(scoped ref char keyword, int length)
    {
        FoundPostings found = FindLong(ref keyword, length);
        return found.Count >= 0 ? found : FindFurther(ref keyword, length);
    }

    /// <summary>The same as <see cref="FindShort"/> for 17 to 32 characters: the first sixteen and the last sixteen, which overlap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private FoundPostings FindLong(scoped ref char keyword, int length)
    {
        const int Block = AsciiKeyword.BlockLength;
        if ((uint)(length - Block - 1) < Block
            && AsciiKeyword.TryFoldBlock(ref keyword, 0, out Vector128<byte> first)
            && AsciiKeyword.TryFoldBlock(ref keyword, length - Block, out Vector128<byte> last))
        {
            uint hash = KeywordHash.Add(KeywordHash.Start, first);
            hash = KeywordHash.Finish(KeywordHash.Add(hash, AsciiKeyword.ShiftDown(last, (2 * Block) - length)));
            byte* line = Line(KeywordIndexFormat.Bucket(hash, _bucketCount));
            uint match = Match(line, KeywordIndexFormat.Tag(hash));
            if (match != 0)
            {
                byte* record = Follow(line, match, length, out ulong head, out byte* recordKey);
                if ((ushort)head == length && ((Vector128.Load(recordKey) ^ first) | (Vector128.Load(recordKey + (length - Block)) ^ last)) == Vector128<byte>.Zero)
                {
                    return Postings(record, head);
                }
            }
            else if (IsOpen(line))
            {
                return default;
            }
        }

        return new FoundPostings(null, FoundPostings.Unknown);
    }

    /// <summary>Finds a folded keyword.</summary>
    /// <param name="key">Its bytes.</param>
    /// <param name="length">How many; at least 1.</param>
    /// <param name="hash">Their <see cref="KeywordHash"/>.</param>
    /// <returns>Postings, all within the records; none; or <see cref="FoundPostings.Unknown"/> with a reference that leads outside instead of an address: the index is damaged.</returns>
    public FoundPostings Find(byte* key, int length, uint hash)
    {
        ulong bucket = KeywordIndexFormat.Bucket(hash, _bucketCount);
        for (uint probes = _maxProbe; ;)
        {
            byte* line = Line(bucket);
            for (uint match = Match(line, KeywordIndexFormat.Tag(hash)); match != 0; match &= match - 1, match &= match - 1)
            {
                uint* slot = Slot(line, match);
                if (*slot == 0)
                {
                    // An empty slot: the tag looked for is by chance 0.
                    continue;
                }

                FetchEntry(slot);
                ulong offset = (ulong)(*slot - 1) * 8;
                if (offset + KeywordIndexFormat.RecordHeadBytes > _recordsLength)
                {
                    return new FoundPostings((byte*)*slot, FoundPostings.Unknown);
                }

                byte* record = _records + offset;
                ulong head = *(ulong*)record;
                ulong count = head >> 32;
                ulong keyOffset = KeywordIndexFormat.RecordHeadBytes + (count * KeywordIndexFormat.PostingBytes);
                if (count == 0 || offset + keyOffset + (ushort)head > _recordsLength)
                {
                    return new FoundPostings((byte*)*slot, FoundPostings.Unknown);
                }

                if ((ushort)head == length && new ReadOnlySpan<byte>(record + keyOffset, length).SequenceEqual(new ReadOnlySpan<byte>(key, length)))
                {
                    return Postings(record, head);
                }
            }

            if (IsOpen(line) || --probes == 0)
            {
                return default;
            }

            bucket = bucket + 1 == _bucketCount ? 0 : bucket + 1;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private FoundPostings FindFurther(scoped ref char keyword, int length)
    {
        FoldBuffer buffer;
        byte* key = (byte*)&buffer;
        return FoldedKeyword.TryFoldAscii(ref keyword, length, ref *key, out uint hash)
            ? Find(key, length, hash)
            : new FoundPostings(null, FoundPostings.Unknown);
    }

    // In bounds: the header was refused unless bucketCount lines lie within the section.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* Line(ulong bucket) => _buckets + (bucket * KeywordIndexFormat.BucketBytes);

    /// <summary>Two bits for each slot, which are set when the slot has this tag. Eight are loaded where there are six, within the line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Match(byte* line, ushort tag)
        => Vector128.Equals(Vector128.Load((ushort*)line), Vector128.Create(tag)).AsByte().ExtractMostSignificantBits() & TagBits;

    /// <summary>The reference in the first slot of a match.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint* Slot(byte* line, uint match)
        => (uint*)(line + KeywordIndexFormat.BucketReferencesOffset + (sizeof(uint) / sizeof(ushort) * (nuint)(uint)BitOperations.TrailingZeroCount(match)));

    /// <summary>Fetches what the hint names: the entry's bytes are on their way while the record is still being fetched and compared. A hint that is wrong costs a wasted fetch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FetchEntry(uint* slot) => Prefetch.Line(_image + ((ulong)slot[KeywordIndexFormat.SlotsPerBucket] * KeywordIndexFormat.HintUnit));

    /// <summary>
    /// The record of the first slot of a match, if so many bytes from its key's first one on lie within the records; else head 0. That it has postings is not
    /// asked: only a damaged one has none, and is answered as a keyword without entries.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* Follow(byte* line, uint match, int bytes, out ulong head, out byte* key)
    {
        uint* slot = Slot(line, match);
        FetchEntry(slot);

        // Reference 0, of an empty slot whose tag fits by chance, wraps to an offset far outside.
        ulong offset = (ulong)(*slot - 1) * 8;
        byte* record = _records + offset;
        if (offset < _recordsLength)
        {
            // Eight bytes are there: references and the length are multiples of eight.
            head = *(ulong*)record;
            ulong end = offset + KeywordIndexFormat.RecordHeadBytes + ((head >> 32) * KeywordIndexFormat.PostingBytes);
            key = _records + end;
            if (end + (uint)bytes <= _recordsLength)
            {
                return record;
            }
        }

        head = 0;
        key = line;
        return record;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static FoundPostings Postings(byte* record, ulong head) => new(record + KeywordIndexFormat.RecordHeadBytes, (nint)(head >> 32));

    /// <summary>Whether the line has an empty slot, so that keys that belong here went no further. Slots are filled from the first up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsOpen(byte* line) => ((uint*)(line + KeywordIndexFormat.BucketReferencesOffset))[KeywordIndexFormat.SlotsPerBucket - 1] == 0;

    /// <summary>Room for a folded keyword. Not a stackalloc, which costs a check of the stack on return.</summary>
    [InlineArray(FoldedKeyword.BufferBytes)]
    private struct FoldBuffer
    {
        private byte _first;
    }
}

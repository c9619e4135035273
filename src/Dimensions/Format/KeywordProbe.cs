using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DimensionStore;

/// <summary>
/// Looks one keyword up in the hash part of an index. Addresses and counts are worked out once, when the index is opened. Every reference is
/// bounds-checked when it is followed; damage is answered, not thrown. Valid as long as the section stays where it is; safe for any number of threads.
/// </summary>
/// <remarks>
/// A lookup is two cache misses in a row, bucket line and record, and the processor hides them behind those of the lookups that follow, as far as its
/// window of some 450 instructions reaches. So among many lookups the time of one is proportional to its instructions, and whatever makes the
/// processor wait until an instruction retires, such as a vector load of what two scalar stores have just written, costs a whole miss. Hence raw
/// addresses, loaded where they are needed; keywords of up to sixteen characters folded, hashed and compared in registers; two registers as the
/// result; no ref structs that are copied; no exceptions, no try block and no calls on the way.
/// </remarks>
internal readonly unsafe struct KeywordProbe
{
    private const uint SlotMask = (1u << KeywordIndexFormat.SlotsPerBucket) - 1;

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

    /// <summary>Finds a keyword given as UTF-16.</summary>
    /// <param name="keyword">Its first unit, in any case.</param>
    /// <param name="length">Units.</param>
    /// <returns>What <see cref="Find(byte*, int, ulong)"/> returns; <see cref="FoundPostings.Unknown"/> also for a keyword that is not all ASCII, which must be folded first.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FoundPostings Find(scoped ref char keyword, int length)
    {
        FoundPostings found = FindAtOnce(ref keyword, length);
        return found.Count >= 0 ? found : FindFurther(ref keyword, length);
    }

    /// <summary>
    /// Answers for 4 to 16 characters and the first fitting tag of the first line, where 24 of 25 keys are; else unknown. Calls nothing, so that it has
    /// no frame and saves no registers; what it does not answer begins anew.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private FoundPostings FindAtOnce(scoped ref char keyword, int length)
    {
        if ((uint)(length - FoldedKeyword.MinPairLength) <= FoldedKeyword.MaxPairLength - FoldedKeyword.MinPairLength
            && FoldedKeyword.TryFoldPair(ref keyword, length, out ulong first, out ulong second, out ulong hash))
        {
            // In bounds: the header was refused unless bucketCount lines lie within the section. Eight tags are loaded where there are five, within the line.
            byte* line = Line(KeywordIndexFormat.Bucket(hash, _bucketCount));
            uint match = Vector256.Equals(Vector256.Load((uint*)line), Vector256.Create(KeywordIndexFormat.Tag(hash))).ExtractMostSignificantBits() & SlotMask;
            if (match != 0)
            {
                uint* slot = (uint*)line + BitOperations.TrailingZeroCount(match);

                // The entry's bytes are on their way while the record is still being fetched and compared. A hint that is wrong costs a wasted fetch.
                Prefetch.Line(_image + ((ulong)slot[2 * KeywordIndexFormat.SlotsPerBucket] * KeywordIndexFormat.HintUnit));
                ulong offset = (ulong)(slot[KeywordIndexFormat.SlotsPerBucket] - 1) * 8;
                ulong display = offset + KeywordIndexFormat.RecordHeadBytes + ((ulong)(uint)(length + 7) & ~7UL);
                if (display <= _recordsLength)
                {
                    byte* record = _records + offset;
                    ulong head = *(ulong*)record;
                    if ((ushort)head == length && *(ulong*)(record + 8) == first && (length <= 8 || *(ulong*)(record + 16) == second))
                    {
                        ulong postings = display + ((((head >> 16) & 0xFFFF) + 7) & ~7UL);
                        ulong count = head >> 32;
                        if (count != 0 && postings + (count * KeywordIndexFormat.PostingBytes) <= _recordsLength)
                        {
                            return new FoundPostings(_records + postings, (nint)count);
                        }
                    }
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
    /// <param name="key">Its bytes, zero padded to a multiple of eight.</param>
    /// <param name="length">How many they are without the padding; at least 1.</param>
    /// <param name="hash">Their <see cref="KeywordHash"/>.</param>
    /// <returns>Postings, all within the records; none; or <see cref="FoundPostings.Unknown"/> with a reference that leads outside instead of an address: the index is damaged.</returns>
    public FoundPostings Find(byte* key, int length, ulong hash)
    {
        ulong padded = (ulong)(uint)(length + 7) & ~7UL;
        uint bucket = KeywordIndexFormat.Bucket(hash, _bucketCount);
        Vector256<uint> tag = Vector256.Create(KeywordIndexFormat.Tag(hash));
        for (uint probes = _maxProbe; ;)
        {
            byte* line = Line(bucket);
            uint match = Vector256.Equals(Vector256.Load((uint*)line), tag).ExtractMostSignificantBits() & SlotMask;
            for (; match != 0; match &= match - 1)
            {
                uint* slot = (uint*)line + BitOperations.TrailingZeroCount(match);
                uint reference = slot[KeywordIndexFormat.SlotsPerBucket];
                if (reference == 0)
                {
                    // An empty slot: the tag looked for is by chance 0.
                    continue;
                }

                Prefetch.Line(_image + ((ulong)slot[2 * KeywordIndexFormat.SlotsPerBucket] * KeywordIndexFormat.HintUnit));
                ulong offset = (ulong)(reference - 1) * 8;
                ulong display = offset + KeywordIndexFormat.RecordHeadBytes + padded;
                if (display > _recordsLength)
                {
                    if (offset + KeywordIndexFormat.RecordHeadBytes > _recordsLength)
                    {
                        return new FoundPostings((byte*)reference, FoundPostings.Unknown);
                    }

                    // Too near the end for this key; another key may well be there.
                    continue;
                }

                byte* record = _records + offset;
                ulong head = *(ulong*)record;
                if ((ushort)head != length || !IsSame(record + KeywordIndexFormat.RecordHeadBytes, key, padded))
                {
                    continue;
                }

                ulong postings = display + ((((head >> 16) & 0xFFFF) + 7) & ~7UL);
                ulong postingCount = head >> 32;
                if (postingCount == 0 || postings + (postingCount * KeywordIndexFormat.PostingBytes) > _recordsLength)
                {
                    return new FoundPostings((byte*)reference, FoundPostings.Unknown);
                }

                return new FoundPostings(_records + postings, (nint)postingCount);
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
        ulong hash = FoldedKeyword.HashAscii(ref keyword, length, ref *key);
        return hash == 0 ? new FoundPostings(null, FoundPostings.Unknown) : Find(key, length, hash);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* Line(uint bucket) => _buckets + ((ulong)bucket * KeywordIndexFormat.BucketBytes);

    /// <summary>Whether the line has an empty slot, so that keys that belong here went no further. Slots are filled from the first up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsOpen(byte* line) => ((uint*)line)[(2 * KeywordIndexFormat.SlotsPerBucket) - 1] == 0;

    /// <summary>Compares whole words, as they were stored: a wider load of narrower stores would wait for these to drain.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsSame(byte* key, byte* wanted, ulong padded)
    {
        ulong i = 0;
        do
        {
            if (*(ulong*)(key + i) != *(ulong*)(wanted + i))
            {
                return false;
            }

            i += sizeof(ulong);
        }
        while (i < padded);
        return true;
    }

    /// <summary>Room for a folded keyword. Not a stackalloc, which costs a check of the stack on return.</summary>
    [InlineArray(FoldedKeyword.BufferBytes)]
    private struct FoldBuffer
    {
        private byte _first;
    }
}

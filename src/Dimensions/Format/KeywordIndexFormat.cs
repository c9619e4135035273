using System.Buffers.Binary;

namespace DimensionStore;

/// <summary>Offsets, sizes and encodings inside the keyword index section; see <c>formats/JESSY_MMAP_V1.md</c>.</summary>
internal static class KeywordIndexFormat
{
    public const int HeaderBytes = 64;
    public const int KeyCountOffset = 8;
    public const int PostingCountOffset = 12;
    public const int BucketCountOffset = 16;
    public const int MaxProbeOffset = 20;
    public const int EntryCountOffset = 24;
    public const int ZeroOffset = 28;
    public const int RecordsLengthOffset = 32;
    public const int ReservedOffset = 40;

    /// <summary>A bucket line: six tags, four zero bytes, six references, six content hints.</summary>
    public const int BucketBytes = 64;
    public const int SlotsPerBucket = 6;
    public const int BucketZeroOffset = SlotsPerBucket * sizeof(ushort);
    public const int BucketReferencesOffset = 16;
    public const int BucketHintsOffset = BucketReferencesOffset + (SlotsPerBucket * sizeof(uint));

    /// <summary>Keys per bucket the writer aims at: about 1 key in 50 overflows to the next line.</summary>
    public const int KeysPerBucket = 3;

    /// <summary>A content hint counts these bytes: the cache line that an entry begins in, from the start of the file.</summary>
    public const int HintUnit = 64;

    /// <summary>Fan-out of the head tree: eight heads are one cache line.</summary>
    public const int HeadsPerGroup = 8;

    /// <summary>Where in a group the second heads begin, behind the first ones.</summary>
    public const int SecondHeadsOffset = HeadsPerGroup * sizeof(ulong);

    /// <summary>A group above the leaves: eight heads, eight second heads.</summary>
    public const int GroupBytes = 2 * SecondHeadsOffset;

    /// <summary>Where in a leaf the references begin, behind its heads.</summary>
    public const int LeafReferencesOffset = GroupBytes;

    /// <summary>Where in a leaf the content hints begin.</summary>
    public const int LeafHintsOffset = LeafReferencesOffset + (HeadsPerGroup * sizeof(uint));

    /// <summary>A leaf: a group, eight references, eight hints.</summary>
    public const int LeafBytes = LeafHintsOffset + (HeadsPerGroup * sizeof(uint));

    /// <summary>Fills heads up to a whole group; above every real head, since no UTF-8 begins with 0xFF.</summary>
    public const ulong HeadPadding = ulong.MaxValue;

    public const int RecordHeadBytes = 8;
    public const int PostingBytes = 12;
    public const int MaxKeyBytes = KeywordFolding.MaxFoldedBytes;
    public const int MaxDisplayBytes = 4096;

    /// <summary>Counts are below this.</summary>
    public const uint CountLimit = uint.MaxValue;

    /// <summary><c>DSKWIX01</c>.</summary>
    public static ReadOnlySpan<byte> Magic => "DSKWIX01"u8;

    /// <summary>The next multiple of 8.</summary>
    public static long Pad8(long length) => (length + 7) & ~7L;

    /// <summary>Bytes of one record.</summary>
    /// <param name="keyLength">Bytes of the folded key.</param>
    /// <param name="displayLength">Bytes of the keyword as first written, 0 when equal to the key.</param>
    /// <param name="postingCount">Its entries.</param>
    public static long RecordBytes(int keyLength, int displayLength, uint postingCount)
        => Pad8(RecordHeadBytes + ((long)postingCount * PostingBytes) + keyLength + displayLength);

    /// <summary>The reference to a record: its offset within the records, divided by eight, plus one.</summary>
    public static uint Reference(long recordOffset) => checked((uint)((recordOffset >> 3) + 1));

    /// <summary>The hint for an entry that begins at an offset of the file; 0, none, where that is beyond what a hint can say.</summary>
    public static uint Hint(long fileOffset) => fileOffset / HintUnit <= uint.MaxValue ? (uint)(fileOffset / HintUnit) : 0;

    /// <summary>First eight bytes of a folded key as a big-endian number, zero padded: ascending heads are ascending keys.</summary>
    public static ulong Head(ReadOnlySpan<byte> foldedKey)
    {
        if (foldedKey.Length >= 8)
        {
            return BinaryPrimitives.ReadUInt64BigEndian(foldedKey);
        }

        ulong head = 0;
        for (int i = 0; i < foldedKey.Length; i++)
        {
            head |= (ulong)foldedKey[i] << (56 - (8 * i));
        }

        return head;
    }

    /// <summary>The next eight bytes, in the same way.</summary>
    public static ulong SecondHead(ReadOnlySpan<byte> foldedKey) => foldedKey.Length <= 8 ? 0 : Head(foldedKey[8..]);

    /// <summary>The bucket line a hash begins at.</summary>
    public static ulong Bucket(uint hash, uint bucketCount) => ((ulong)hash * bucketCount) >> 32;

    /// <summary>The part of a hash that is stored in the bucket line: the bits that say least about which line it is.</summary>
    public static ushort Tag(uint hash) => (ushort)hash;

    /// <summary>Writes the section's first 64 bytes.</summary>
    public static void WriteHeader(Span<byte> destination, in KeywordIndexLayout layout, uint postingCount, uint maxProbe, uint entryCount)
    {
        destination = destination[..HeaderBytes];
        destination.Clear();
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[KeyCountOffset..], layout.KeyCount);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[PostingCountOffset..], postingCount);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[BucketCountOffset..], layout.BucketCount);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[MaxProbeOffset..], maxProbe);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[EntryCountOffset..], entryCount);
        BinaryPrimitives.WriteInt64LittleEndian(destination[RecordsLengthOffset..], layout.RecordsLength);
    }

    /// <summary>Writes the fixed part of a record, in front of postings, key and display.</summary>
    public static void WriteRecordHead(Span<byte> destination, int keyLength, int displayLength, uint postingCount)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(destination, checked((ushort)keyLength));
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], checked((ushort)displayLength));
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], postingCount);
    }

    /// <summary>Writes one posting.</summary>
    public static void WritePosting(Span<byte> destination, uint offset, uint length, byte layer)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, offset);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], length);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], layer);
    }
}

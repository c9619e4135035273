using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace DimensionStore;

/// <summary>The full walk over an index section that verification makes: every key, every head, every reference, every posting, every byte of padding.</summary>
internal readonly ref struct KeywordIndexValidator
{
    private readonly ReadOnlySpan<byte> _section;
    private readonly KeywordIndexHeader _header;
    private readonly long _sectionOffset;
    private readonly string? _filePath;

    private KeywordIndexValidator(ReadOnlySpan<byte> section, KeywordIndexHeader header, long sectionOffset, string? filePath)
    {
        _section = section;
        _header = header;
        _sectionOffset = sectionOffset;
        _filePath = filePath;
    }

    private KeywordIndexLayout Layout => _header.Layout;

    private ReadOnlySpan<byte> Records => _section[(int)Layout.RecordsOffset..];

    private PostingList Postings(KeywordRecord record) => record.Postings(Records, _sectionOffset + Layout.RecordsOffset);

    /// <summary>Checks a whole section.</summary>
    /// <param name="section">The section.</param>
    /// <param name="sectionOffset">Where it begins in the file, for errors.</param>
    /// <param name="layers">The file's layers, which postings must lie in.</param>
    /// <param name="filePath">Named in errors.</param>
    /// <exception cref="DimensionFormatException">A rule of the index is broken.</exception>
    public static void Validate(ReadOnlySpan<byte> section, long sectionOffset, IReadOnlyList<LayerDescriptor> layers, string? filePath)
    {
        Span<long> layerSizes = stackalloc long[] { -1, -1, -1, -1 };
        Span<long> layerStarts = stackalloc long[] { -1, -1, -1, -1 };
        foreach (LayerDescriptor layer in layers)
        {
            layerSizes[layer.Layer] = layer.UncompressedSize;
            layerStarts[layer.Layer] = layer.Codec == LayerCodec.None ? layer.ContentOffset : -1;
        }

        try
        {
            KeywordIndexHeader header = KeywordIndexHeader.Read(section, section.Length, sectionOffset, filePath);
            var validator = new KeywordIndexValidator(section, header, sectionOffset, filePath);
            validator.CheckRecords(layerSizes, layerStarts);
            validator.CheckUpperLevels();
            validator.CheckBuckets(layerStarts);
        }
        catch (DimensionFormatException error) when (error.FilePath is null && filePath is not null)
        {
            throw error.InFile(filePath);
        }
    }

    [SkipLocalsInit]
    private void CheckRecords(ReadOnlySpan<long> layerSizes, ReadOnlySpan<long> layerStarts)
    {
        Span<byte> buffer = stackalloc byte[FoldedKeyword.BufferBytes];
        KeywordIndexLayout layout = Layout;
        KeywordIndex index = new(_section, in _header, _sectionOffset);
        ReadOnlySpan<byte> previous = default;
        long position = 0;
        ulong postings = 0;
        for (uint i = 0; i < layout.KeyCount; i++)
        {
            long leaf = layout.LeavesOffset + ((long)(i >> 3) * KeywordIndexFormat.LeafBytes);
            long referenceField = leaf + KeywordIndexFormat.LeafReferencesOffset + ((i & 7) * sizeof(uint));
            uint reference = U32(referenceField);
            if (reference != (position >> 3) + 1)
            {
                throw Error(referenceField, $"reference {(position >> 3) + 1:N0}, since records follow each other in ascending order", $"{reference:N0}");
            }

            KeywordRecord record = index.RecordAt(i);
            long recordOffset = layout.RecordsOffset + position;
            ReadOnlySpan<byte> key = record.Key;
            if (i > 0 && previous.SequenceCompareTo(key) >= 0)
            {
                throw Error(recordOffset, "keys in ascending order", $"{Convert.ToHexString(key)} after {Convert.ToHexString(previous)}");
            }

            previous = key;
            CheckHead(leaf + ((i & 7) * sizeof(ulong)), KeywordIndexFormat.Head(key));
            CheckHead(leaf + KeywordIndexFormat.SecondHeadsOffset + ((i & 7) * sizeof(ulong)), KeywordIndexFormat.SecondHead(key));
            CheckHint(leaf + KeywordIndexFormat.LeafHintsOffset + ((i & 7) * sizeof(uint)), reference, layerStarts);
            CheckText(record, recordOffset, buffer);
            CheckReachable(index, record, FoldedKeyword.Create(key, buffer), recordOffset);
            CheckPostings(Postings(record), recordOffset, layerSizes);
            postings += (ulong)record.PostingCount;
            position += CheckPadding(record, recordOffset);
        }

        if (position != layout.RecordsLength)
        {
            throw Error(KeywordIndexFormat.RecordsLengthOffset, $"{position:N0}, where the last record ends", $"{layout.RecordsLength:N0}");
        }

        if (postings != _header.PostingCount)
        {
            throw Error(KeywordIndexFormat.PostingCountOffset, $"{postings:N0}, the postings of all keys", $"{_header.PostingCount:N0}");
        }
    }

    private void CheckText(KeywordRecord record, long recordOffset, Span<byte> buffer)
    {
        ReadOnlySpan<byte> key = record.Key;
        FoldedKeyword folded = FoldedKeyword.Create(key, buffer);
        if (!folded.Bytes.SequenceEqual(key))
        {
            throw Error(KeyOffset(record, recordOffset), "a key of folded UTF-8 without NUL", Convert.ToHexString(key));
        }

        if (!record.HasDisplay)
        {
            return;
        }

        folded = FoldedKeyword.Create(record.Display, buffer);
        if (!folded.Bytes.SequenceEqual(key) || record.Display.SequenceEqual(key))
        {
            throw Error(
                KeyOffset(record, recordOffset) + key.Length,
                $"another spelling that folds to {Convert.ToHexString(key)}",
                Convert.ToHexString(record.Display));
        }
    }

    private void CheckReachable(KeywordIndex index, KeywordRecord record, FoldedKeyword keyword, long recordOffset)
    {
        if (!index.TryFind(keyword, out PostingList found) || !found.IsSame(Postings(record)))
        {
            throw Error(recordOffset, $"a key that a lookup finds within {_header.MaxProbe:N0} lines", $"{Convert.ToHexString(record.Key)}, which it does not find");
        }
    }

    private void CheckPostings(PostingList postings, long recordOffset, ReadOnlySpan<long> layerSizes)
    {
        EntryLocation previous = default;
        for (int i = 0; i < postings.Count; i++)
        {
            EntryLocation posting = postings[i];
            long size = layerSizes[posting.Layer];
            if (size < 0 || posting.Offset + posting.Length > size)
            {
                throw Error(recordOffset, $"posting {i:N0} within a layer of the file", $"{posting.Length:N0} bytes at {posting.Offset:N0} in layer {posting.Layer}, which has {Math.Max(size, 0):N0}");
            }

            if (i > 0 && (posting.Layer < previous.Layer || (posting.Layer == previous.Layer && posting.Offset < previous.Offset)))
            {
                throw Error(recordOffset, "postings ascending by layer and offset", $"posting {i:N0} at {posting.Offset:N0} in layer {posting.Layer} after {previous.Offset:N0} in layer {previous.Layer}");
            }

            previous = posting;
        }
    }

    private static long KeyOffset(KeywordRecord record, long recordOffset)
        => recordOffset + KeywordIndexFormat.RecordHeadBytes + ((long)record.PostingCount * KeywordIndexFormat.PostingBytes);

    private long CheckPadding(KeywordRecord record, long recordOffset)
    {
        long used = KeyOffset(record, recordOffset) + record.KeyLength + record.DisplayLength;
        long end = recordOffset + KeywordIndexFormat.Pad8(used - recordOffset);
        if (end > _section.Length)
        {
            throw Error(recordOffset, "a record padded to a multiple of 8 within the index", $"an end at {end:N0} of {_section.Length:N0}");
        }

        CheckZero(used, end);
        return end - recordOffset;
    }

    /// <summary>Checks all heads but those of keys, and what pads the leaves.</summary>
    private void CheckUpperLevels()
    {
        KeywordIndexLayout layout = Layout;
        for (int level = 0; level < layout.LevelCount; level++)
        {
            uint entries = KeywordIndexLayout.LevelEntries(layout.KeyCount, level);
            uint padded = KeywordIndexLayout.LevelEntries(layout.KeyCount, level + 1) * KeywordIndexFormat.HeadsPerGroup;
            for (uint i = entries; i < padded; i++)
            {
                CheckHead(HeadOffset(level, i), KeywordIndexFormat.HeadPadding);
                CheckHead(HeadOffset(level, i) + KeywordIndexFormat.SecondHeadsOffset, KeywordIndexFormat.HeadPadding);
                if (level == 0)
                {
                    long leaf = layout.LeavesOffset + ((long)(i >> 3) * KeywordIndexFormat.LeafBytes);
                    long reference = leaf + KeywordIndexFormat.LeafReferencesOffset + ((i & 7) * sizeof(uint));
                    long hint = leaf + KeywordIndexFormat.LeafHintsOffset + ((i & 7) * sizeof(uint));
                    CheckZero(reference, reference + sizeof(uint));
                    CheckZero(hint, hint + sizeof(uint));
                }
            }

            for (uint i = 0; level > 0 && i < entries; i++)
            {
                long last = HeadOffset(level - 1, Math.Min((i * KeywordIndexFormat.HeadsPerGroup) + (KeywordIndexFormat.HeadsPerGroup - 1), KeywordIndexLayout.LevelEntries(layout.KeyCount, level - 1) - 1));
                CheckHead(HeadOffset(level, i), U64(last));
                CheckHead(HeadOffset(level, i) + KeywordIndexFormat.SecondHeadsOffset, U64(last + KeywordIndexFormat.SecondHeadsOffset));
            }
        }
    }

    private long HeadOffset(int level, uint position)
        => Layout.LevelOffset(level) + ((long)(position >> 3) * KeywordIndexLayout.GroupBytes(level)) + ((position & 7) * sizeof(ulong));

    private void CheckHead(long offset, ulong expected)
    {
        ulong found = U64(offset);
        if (found != expected)
        {
            throw Error(offset, $"head {expected:X16}", $"{found:X16}");
        }
    }

    private void CheckHint(long offset, uint reference, ReadOnlySpan<long> layerStarts)
    {
        uint expected = HintOf(reference, layerStarts);
        uint found = U32(offset);
        if (found != expected)
        {
            throw Error(offset, $"hint {expected:N0}, where the first entry begins", $"{found:N0}");
        }
    }

    /// <summary>All keys were found before; so many filled slots as keys leave none that is filled for nothing.</summary>
    private void CheckBuckets(ReadOnlySpan<long> layerStarts)
    {
        ulong filled = 0;
        for (uint line = 0; line < Layout.BucketCount; line++)
        {
            long offset = KeywordIndexLayout.BucketsOffset + ((long)line * KeywordIndexFormat.BucketBytes);
            bool ended = false;
            for (int slot = 0; slot < KeywordIndexFormat.SlotsPerBucket; slot++)
            {
                long tag = offset + (slot * sizeof(ushort));
                long reference = offset + KeywordIndexFormat.BucketReferencesOffset + (slot * sizeof(uint));
                long hint = offset + KeywordIndexFormat.BucketHintsOffset + (slot * sizeof(uint));
                bool isEmpty = U32(reference) == 0;
                if (isEmpty && (U16(tag) | U32(hint)) != 0)
                {
                    throw Error(tag, "tag 0 and hint 0 in an empty slot", $"tag {U16(tag):X4}, hint {U32(hint):X8}");
                }

                if (!isEmpty)
                {
                    CheckHint(hint, U32(reference), layerStarts);
                }

                if (!isEmpty && ended)
                {
                    throw Error(reference, "no filled slot behind an empty one", $"reference {U32(reference):N0}");
                }

                ended |= isEmpty;
                filled += isEmpty ? 0u : 1u;
            }

            CheckZero(offset + KeywordIndexFormat.BucketZeroOffset, offset + KeywordIndexFormat.BucketReferencesOffset);
        }

        if (filled != Layout.KeyCount)
        {
            throw Error(KeywordIndexLayout.BucketsOffset, $"{Layout.KeyCount:N0} filled slots, one per key", $"{filled:N0}");
        }
    }

    private uint HintOf(uint reference, ReadOnlySpan<long> layerStarts)
    {
        EntryLocation first = Postings(KeywordRecord.Read(Records, reference, _sectionOffset + Layout.RecordsOffset))[0];
        long start = layerStarts[first.Layer];
        return start < 0 ? 0 : KeywordIndexFormat.Hint(start + first.Offset);
    }

    private void CheckZero(long start, long end)
    {
        int stray = _section[(int)start..(int)end].IndexOfAnyExcept((byte)0);
        if (stray >= 0)
        {
            throw Error(start + stray, "0 in padding", $"{_section[(int)start + stray]}");
        }
    }

    private ushort U16(long offset) => BinaryPrimitives.ReadUInt16LittleEndian(_section[(int)offset..]);

    private uint U32(long offset) => BinaryPrimitives.ReadUInt32LittleEndian(_section[(int)offset..]);

    private ulong U64(long offset) => BinaryPrimitives.ReadUInt64LittleEndian(_section[(int)offset..]);

    private DimensionFormatException Error(long offset, string expected, string found)
        => new(DimensionFormatError.BadIndex, _sectionOffset + offset, expected, found, _filePath);
}

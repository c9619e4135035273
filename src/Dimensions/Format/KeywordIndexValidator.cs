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
        Span<long> layerSizes = [-1, -1, -1, -1];
        Span<long> layerStarts = [-1, -1, -1, -1];
        foreach (LayerDescriptor layer in layers)
        {
            layerSizes[layer.Layer] = layer.UncompressedSize;
            layerStarts[layer.Layer] = layer.Codec == LayerCodec.None ? layer.ContentOffset : -1;
        }

        try
        {
            KeywordIndexHeader header = KeywordIndexHeader.Read(section, section.Length, sectionOffset, filePath);
            var validator = new KeywordIndexValidator(section, header, sectionOffset, filePath);
            validator.CheckRecords(layerSizes);
            validator.CheckUpperLevels();
            validator.CheckBuckets(layerStarts);
        }
        catch (DimensionFormatException error) when (error.FilePath is null && filePath is not null)
        {
            throw error.InFile(filePath);
        }
    }

    [SkipLocalsInit]
    private void CheckRecords(ReadOnlySpan<long> layerSizes)
    {
        Span<byte> buffer = stackalloc byte[FoldedKeyword.BufferBytes];
        KeywordIndexLayout layout = Layout;
        KeywordIndex index = new(_section, in _header, _sectionOffset);
        long headsOffset = layout.LevelOffset(0);
        ReadOnlySpan<byte> previous = default;
        long position = 0;
        ulong postings = 0;
        for (uint i = 0; i < layout.KeyCount; i++)
        {
            long orderField = layout.OrderOffset + ((long)i * sizeof(uint));
            uint reference = U32(orderField);
            if (reference != (position >> 3) + 1)
            {
                throw Error(orderField, $"reference {(position >> 3) + 1:N0}, since records follow each other in ascending order", $"{reference:N0}");
            }

            KeywordRecord record = index.RecordAt(i);
            long recordOffset = layout.RecordsOffset + position;
            ReadOnlySpan<byte> key = record.Key;
            if (i > 0 && previous.SequenceCompareTo(key) >= 0)
            {
                throw Error(recordOffset, "keys in ascending order", $"{Convert.ToHexString(key)} after {Convert.ToHexString(previous)}");
            }

            previous = key;
            ulong head = U64(headsOffset + ((long)i * sizeof(ulong)));
            if (head != KeywordIndexFormat.Head(key))
            {
                throw Error(headsOffset + ((long)i * sizeof(ulong)), $"the key's first eight bytes, {KeywordIndexFormat.Head(key):X16}", $"{head:X16}");
            }

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

        CheckZero(layout.OrderOffset + ((long)layout.KeyCount * sizeof(uint)), layout.RecordsOffset);
    }

    private void CheckText(KeywordRecord record, long recordOffset, Span<byte> buffer)
    {
        ReadOnlySpan<byte> key = record.Key;
        FoldedKeyword folded = FoldedKeyword.Create(key, buffer);
        if (!folded.Bytes.SequenceEqual(key))
        {
            throw Error(recordOffset + KeywordIndexFormat.RecordHeadBytes, "a key of folded UTF-8 without NUL", Convert.ToHexString(key));
        }

        if (!record.HasDisplay)
        {
            return;
        }

        folded = FoldedKeyword.Create(record.Display, buffer);
        if (!folded.Bytes.SequenceEqual(key) || record.Display.SequenceEqual(key))
        {
            throw Error(
                recordOffset + KeywordIndexFormat.RecordHeadBytes + KeywordIndexFormat.Pad8(key.Length),
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

    private long CheckPadding(KeywordRecord record, long recordOffset)
    {
        long key = recordOffset + KeywordIndexFormat.RecordHeadBytes;
        long display = key + KeywordIndexFormat.Pad8(record.KeyLength);
        int displayLength = record.HasDisplay ? record.Display.Length : 0;
        long postings = display + KeywordIndexFormat.Pad8(displayLength);
        long postingsEnd = postings + ((long)record.PostingCount * KeywordIndexFormat.PostingBytes);
        long end = postings + KeywordIndexFormat.Pad8(postingsEnd - postings);
        if (end > _section.Length)
        {
            throw Error(recordOffset, "a record padded to a multiple of 8 within the index", $"an end at {end:N0} of {_section.Length:N0}");
        }

        CheckZero(key + record.KeyLength, display);
        CheckZero(display + displayLength, postings);
        CheckZero(postingsEnd, end);
        return end - recordOffset;
    }

    private void CheckUpperLevels()
    {
        KeywordIndexLayout layout = Layout;
        for (int level = 0; level < layout.LevelCount; level++)
        {
            long offset = layout.LevelOffset(level);
            uint entries = KeywordIndexLayout.LevelEntries(layout.KeyCount, level);
            uint padded = KeywordIndexLayout.LevelEntries(layout.KeyCount, level + 1) * KeywordIndexFormat.HeadsPerGroup;
            for (uint i = entries; i < padded; i++)
            {
                CheckHead(offset, i, KeywordIndexFormat.HeadPadding);
            }

            if (level == 0)
            {
                continue;
            }

            long below = layout.LevelOffset(level - 1);
            uint belowEntries = KeywordIndexLayout.LevelEntries(layout.KeyCount, level - 1);
            for (uint i = 0; i < entries; i++)
            {
                uint last = Math.Min((i * KeywordIndexFormat.HeadsPerGroup) + (KeywordIndexFormat.HeadsPerGroup - 1), belowEntries - 1);
                CheckHead(offset, i, U64(below + ((long)last * sizeof(ulong))));
            }
        }
    }

    private void CheckHead(long levelOffset, uint position, ulong expected)
    {
        long offset = levelOffset + ((long)position * sizeof(ulong));
        ulong found = U64(offset);
        if (found != expected)
        {
            throw Error(offset, $"head {expected:X16}", $"{found:X16}");
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
                long tag = offset + (slot * sizeof(uint));
                long reference = tag + KeywordIndexFormat.BucketReferencesOffset;
                long hint = tag + KeywordIndexFormat.BucketHintsOffset;
                bool isEmpty = U32(reference) == 0;
                if (isEmpty && (U32(tag) | U32(hint)) != 0)
                {
                    throw Error(tag, "tag 0 and hint 0 in an empty slot", $"tag {U32(tag):X8}, hint {U32(hint):X8}");
                }

                if (!isEmpty && U32(hint) != HintOf(U32(reference), layerStarts))
                {
                    throw Error(hint, $"hint {HintOf(U32(reference), layerStarts):N0}, where the first entry begins", $"{U32(hint):N0}");
                }

                if (!isEmpty && ended)
                {
                    throw Error(reference, "no filled slot behind an empty one", $"reference {U32(reference):N0}");
                }

                ended |= isEmpty;
                filled += isEmpty ? 0u : 1u;
            }

            CheckZero(offset + KeywordIndexFormat.BucketZeroOffset, offset + KeywordIndexFormat.BucketBytes);
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

    private uint U32(long offset) => BinaryPrimitives.ReadUInt32LittleEndian(_section[(int)offset..]);

    private ulong U64(long offset) => BinaryPrimitives.ReadUInt64LittleEndian(_section[(int)offset..]);

    private DimensionFormatException Error(long offset, string expected, string found)
        => new(DimensionFormatError.BadIndex, _sectionOffset + offset, expected, found, _filePath);
}

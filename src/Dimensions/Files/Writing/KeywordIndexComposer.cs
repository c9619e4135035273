namespace DimensionStore;

/// <summary>
/// Makes a keyword index from sorted keywords. The section's parts are written front to back: records, heads and references are collected
/// in buffers that may spill, and the buckets come out of a second sort by hash, so nothing is ever written at random and nothing is held whole.
/// </summary>
internal sealed class KeywordIndexComposer : IDisposable
{
    private readonly long[] _layerStarts;
    private readonly SpillBuffer _records;
    private readonly SpillBuffer _postings;
    private readonly HeadTreeComposer _tree;
    private readonly BucketComposer _buckets;
    private readonly byte[] _key = new byte[KeywordIndexFormat.MaxKeyBytes];
    private readonly byte[] _display = new byte[KeywordIndexFormat.MaxDisplayBytes];
    private int _keyLength;
    private int _displayLength;
    private uint _hint;
    private ulong _firstOrder;
    private ulong _lastOrder;
    private uint _postingCount;
    private long _keyCount;
    private long _allPostings;

    /// <param name="account">Pays for the memory.</param>
    /// <param name="scratch">Where buffers spill, or null.</param>
    /// <param name="share">How much of the account's limit may be in use when a buffer grows.</param>
    /// <param name="layerStarts">Where each layer's content was written, by its number; −1 where it is compressed and has no bytes to point at.</param>
    public KeywordIndexComposer(MemoryAccount account, ScratchSpace? scratch, long share, long[] layerStarts)
    {
        _layerStarts = layerStarts;
        _records = new SpillBuffer(account, scratch, share);
        _postings = new SpillBuffer(account, scratch, share);
        _tree = new HeadTreeComposer(account, scratch, share);
        _buckets = new BucketComposer(account, scratch, share / 2);
    }

    /// <summary>Takes in all keywords.</summary>
    public void Collect(SortedRecords keywords, CancellationToken cancellationToken)
    {
        int untilCheck = 0;
        while (keywords.MoveNext())
        {
            if (--untilCheck < 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                untilCheck = 4096;
            }

            EntryKeyword record = new(keywords.Split(out ReadOnlySpan<byte> payload), payload);
            ulong order = record.Order;
            if (_postingCount == 0 || !record.Folded.SequenceEqual(_key.AsSpan(0, _keyLength)))
            {
                EndKey();
                BeginKey(record);
            }
            else if (order == _lastOrder)
            {
                // The entry has this keyword twice, perhaps in other letters.
                continue;
            }
            else if (order < _firstOrder)
            {
                KeepDisplay(record);
            }

            _lastOrder = order;
            AddPosting(record);
        }

        EndKey();
    }

    /// <summary>Where the parts will lie.</summary>
    public KeywordIndexLayout Layout => KeywordIndexLayout.Compute((uint)_keyCount, _records.Length);

    /// <summary>Writes the section at the sink's end.</summary>
    /// <param name="sink">Positioned at a multiple of 64.</param>
    /// <param name="entryCount">Entries in the file, with or without keywords.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <returns>Its checksum.</returns>
    public uint Write(ImageSink sink, uint entryCount, CancellationToken cancellationToken)
    {
        KeywordIndexLayout layout = Layout;
        long start = sink.Position;
        uint maxProbe = _buckets.Place(layout.BucketCount);
        sink.BeginChecksum();
        Span<byte> header = stackalloc byte[KeywordIndexFormat.HeaderBytes];
        KeywordIndexFormat.WriteHeader(header, in layout, (uint)_allPostings, maxProbe, entryCount);
        sink.Write(header);
        _buckets.Write(sink, layout.BucketCount, cancellationToken);
        _tree.Write(sink, layout.LevelCount, cancellationToken);
        sink.Write(_records, cancellationToken);
        return sink.Position - start == layout.Length
            ? sink.Checksum
            : throw new InvalidOperationException($"The keyword index came out with {sink.Position - start:N0} bytes where its layout has {layout.Length:N0}.");
    }

    /// <summary>Gives memory and scratch back.</summary>
    public void Dispose()
    {
        _records.Dispose();
        _postings.Dispose();
        _tree.Dispose();
        _buckets.Dispose();
    }

    private void BeginKey(EntryKeyword record)
    {
        record.Folded.CopyTo(_key);
        _keyLength = record.Folded.Length;
        _postings.Truncate(0);
        long start = _layerStarts[record.Layer];
        _hint = start < 0 ? 0 : KeywordIndexFormat.Hint(start + record.Offset);
        KeepDisplay(record);
    }

    /// <summary>Keeps the spelling of the entry that was added first; records come by layer, so a later one may be older.</summary>
    private void KeepDisplay(EntryKeyword record)
    {
        record.Display.CopyTo(_display);
        _displayLength = record.Display.Length;
        _firstOrder = record.Order;
    }

    private void AddPosting(EntryKeyword record)
    {
        if (_allPostings >= KeywordIndexFormat.CountLimit - 1)
        {
            throw new InvalidEntryException($"There are more than {KeywordIndexFormat.CountLimit - 1:N0} pairs of a keyword and an entry, the most one index holds; divide the entries between dimensions.");
        }

        Span<byte> posting = stackalloc byte[KeywordIndexFormat.PostingBytes];
        KeywordIndexFormat.WritePosting(posting, record.Offset, record.Length, record.Layer);
        _postings.Append(posting);
        _postingCount++;
        _allPostings++;
    }

    private void EndKey()
    {
        if (_postingCount == 0)
        {
            return;
        }

        if (_records.Length > int.MaxValue)
        {
            throw new InvalidEntryException($"The keywords need more than the {int.MaxValue:N0} bytes of index that a file can have; divide the entries between dimensions.");
        }

        ReadOnlySpan<byte> key = _key.AsSpan(0, _keyLength);
        uint reference = KeywordIndexFormat.Reference(_records.Length);
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        KeywordIndexFormat.WriteRecordHead(word, _keyLength, _displayLength, _postingCount);
        _records.Append(word);
        _records.Append(_postings);
        _records.Append(key);
        _records.Append(_display.AsSpan(0, _displayLength));
        word.Clear();
        _records.Append(word[..(int)(KeywordIndexFormat.Pad8(_records.Length) - _records.Length)]);

        _buckets.Add(KeywordHash.Compute(key), reference, _hint);
        _tree.Add(KeywordIndexFormat.Head(key), KeywordIndexFormat.SecondHead(key), reference, _hint);
        _keyCount++;
        _postingCount = 0;
    }
}

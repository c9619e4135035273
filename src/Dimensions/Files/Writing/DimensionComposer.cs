using System.IO.Pipelines;
using System.Text;

namespace DimensionStore;

/// <summary>Collects entries and composes the image of a dimension from them. The one mechanism behind files and images in memory. Not thread-safe.</summary>
internal sealed class DimensionComposer : IDisposable
{
    private readonly DimensionWriterOptions _options;
    private readonly ScratchSpace? _scratch;
    private readonly LayerComposer?[] _layers = new LayerComposer?[DimensionFormat.MaxLayers];
    private readonly KeywordCollector _keywords;
    private readonly long _share;
    private readonly long _layerLimit;

    /// <param name="options">What to make; checked here.</param>
    /// <param name="scratch">Where buffers spill; null keeps everything in memory.</param>
    /// <param name="layerLimit">The most bytes a layer may have; the format's limit but in tests.</param>
    /// <exception cref="ArgumentException">The options contradict the format.</exception>
    public DimensionComposer(DimensionWriterOptions options, ScratchSpace? scratch, long layerLimit = uint.MaxValue)
    {
        WriterOptionsCheck.Check(options);
        _options = options;
        _scratch = scratch;
        _layerLimit = layerLimit;
        Memory = new MemoryAccount(scratch is null ? long.MaxValue / 4 : options.MemoryBytes);
        // Contents may fill one half, keywords another. When the index is made, the contents are written and their half is free for it.
        _share = Memory.Limit / 2;
        _keywords = new KeywordCollector(Memory, scratch, scratch is null ? int.MaxValue : _share, numberKeywords: options.Plain);
    }

    /// <summary>What is held in memory.</summary>
    public MemoryAccount Memory { get; }

    /// <summary>Entries added so far.</summary>
    public long EntryCount { get; private set; }

    /// <summary>Runs of keywords written to scratch.</summary>
    public int KeywordRuns => _keywords.RunCount;

    /// <summary>Bytes of content in scratch files.</summary>
    public long SpilledContentBytes => _layers.Sum(layer => layer?.Content.SpilledBytes ?? 0);

    /// <summary>Declares a layer.</summary>
    public void AddLayer(int layer) => Layer(layer);

    /// <summary>Adds an entry, or nothing when it is refused.</summary>
    public EntryLocation AddEntry(int layer, IReadOnlyList<string> keywords, ReadOnlySpan<byte> content) => AddEntry(layer, keywords, default, content);

    /// <summary>Adds an entry whose keywords are UTF-8, separated by zero bytes.</summary>
    public EntryLocation AddEntryUtf8(int layer, ReadOnlySpan<byte> keywords, ReadOnlySpan<byte> content) => AddEntry(layer, null, keywords, content);

    private EntryLocation AddEntry(int layer, IReadOnlyList<string>? keywords, ReadOnlySpan<byte> utf8Keywords, ReadOnlySpan<byte> content)
    {
        LayerComposer composer = BeginEntry(layer, out EntryStart start);
        try
        {
            CheckRoom(composer, content.Length, 0);
            composer.Content.Append(content);
            EntryLocation location = new(layer, start.Length, content.Length);
            if (keywords is null)
            {
                _keywords.AddUtf8(utf8Keywords, location, EntryCount, ListFor(composer));
            }
            else
            {
                _keywords.Add(keywords, location, EntryCount, ListFor(composer));
            }

            EntryCount++;
            return location;
        }
        catch
        {
            TakeBack(composer, start);
            throw;
        }
    }

    /// <summary>Adds an entry whose content is read from a pipe to its end.</summary>
    public async ValueTask<EntryLocation> AddEntryAsync(int layer, IReadOnlyList<string> keywords, PipeReader content, CancellationToken cancellationToken)
    {
        LayerComposer composer = BeginEntry(layer, out EntryStart start);
        try
        {
            bool ended = false;
            while (!ended)
            {
                ReadResult result = await content.ReadAsync(cancellationToken).ConfigureAwait(false);
                ended = result.IsCompleted;
                try
                {
                    Append(composer, result, start);
                }
                finally
                {
                    content.AdvanceTo(result.Buffer.End);
                }
            }

            EntryLocation location = new(layer, start.Length, (int)(composer.Content.Length - start.Length));
            _keywords.Add(keywords, location, EntryCount, ListFor(composer));
            EntryCount++;
            return location;
        }
        catch
        {
            TakeBack(composer, start);
            throw;
        }
    }

    /// <summary>Composes the image. Once only; nothing can be added afterwards.</summary>
    /// <returns>Header and metadata, as they were written.</returns>
    public DimensionDescriptor Compose(ImageSink sink, string? filePath, CancellationToken cancellationToken)
    {
        LayerComposer[] layers = [.. _layers.OfType<LayerComposer>()];
        if (layers.Length == 0)
        {
            throw new InvalidEntryException("There are no entries and no layers, and a file has at least one layer; add an entry or declare a layer.", filePath);
        }

        ComposeLayerKeywords(layers, cancellationToken);
        long metadataLength = layers.Sum(layer => layer.MetadataBytes);
        if (metadataLength > DimensionFormat.MaxMetadataBytes)
        {
            throw new InvalidEntryException($"The keywords of the layers need {metadataLength:N0} bytes of metadata, more than the {DimensionFormat.MaxMetadataBytes:N0} a file can have; name fewer, or write an indexed file.", filePath);
        }

        ImageHead head = new(_options, layers, (int)metadataLength);
        // The head is written last, when it is known; a file that broke off before that has none and is no dimension file.
        sink.PadTo(DimensionFormat.HeaderBytes + metadataLength);
        foreach (LayerComposer layer in layers)
        {
            sink.PadTo(DimensionFormat.Align(sink.Position));
            layer.WriteContent(sink, cancellationToken);
            ThrowIfTooLarge(sink.Position);
        }

        if (!_options.Plain)
        {
            sink.PadTo(DimensionFormat.Align(sink.Position));
            WriteIndex(sink, head, layers, cancellationToken);
        }

        return head.Write(sink, filePath, cancellationToken);
    }

    /// <summary>Gives memory and scratch back.</summary>
    public void Dispose()
    {
        _keywords.Dispose();
        foreach (LayerComposer? layer in _layers)
        {
            layer?.Dispose();
        }
    }

    private LayerComposer Layer(int number)
    {
        if ((uint)number >= DimensionFormat.MaxLayers)
        {
            throw new InvalidEntryException($"There is no layer {number}; layers are 0 to {DimensionFormat.MaxLayers - 1}.");
        }

        if (_layers[number] is { } existing)
        {
            return existing;
        }

        LayerSettings settings = _options.Layers.TryGetValue(number, out LayerSettings? given) ? given : new LayerSettings();
        // In an indexed file the list has a small limit and stays in memory; in a plain one it is as long as the entries make it.
        LayerKeywords keywords = new(new SpillBuffer(Memory, _options.Plain ? _scratch : null, _share));
        if (settings.Keywords is not null)
        {
            foreach (string keyword in settings.Keywords)
            {
                keywords.Append(Encoding.UTF8.GetBytes(keyword));
            }
        }

        return _layers[number] = new LayerComposer(number, settings, new SpillBuffer(Memory, _scratch, _share), keywords);
    }

    private LayerComposer BeginEntry(int layer, out EntryStart start)
    {
        bool isNew = (uint)layer < DimensionFormat.MaxLayers && _layers[layer] is null;
        LayerComposer composer = Layer(layer);
        start = new EntryStart(composer.Content.Length, isNew);
        return composer;
    }

    /// <summary>Makes the layer what it was before an entry that was refused, which includes not being there.</summary>
    private void TakeBack(LayerComposer composer, EntryStart start)
    {
        composer.Content.Truncate(start.Length);
        if (start.IsNewLayer)
        {
            _layers[composer.Number] = null;
            composer.Dispose();
        }
    }

    private void Append(LayerComposer composer, ReadResult result, EntryStart start)
    {
        CheckRoom(composer, result.Buffer.Length, composer.Content.Length - start.Length);
        foreach (ReadOnlyMemory<byte> piece in result.Buffer)
        {
            composer.Content.Append(piece.Span);
        }

        if (result.IsCanceled)
        {
            throw new OperationCanceledException("Reading an entry's content was cancelled before its end.");
        }
    }

    /// <summary>The list that an entry's keywords go to while they come; a plain file's is made from the sorted ones at the end.</summary>
    private LayerKeywords? ListFor(LayerComposer composer)
        => _options.Plain || composer.Settings.Keywords is not null || composer.Keywords.IsFull ? null : composer.Keywords;

    private void CheckRoom(LayerComposer layer, long bytes, long ofThisEntry)
    {
        if (EntryCount >= KeywordIndexFormat.CountLimit - 1)
        {
            throw new InvalidEntryException($"There are {EntryCount:N0} entries, the most one file holds; divide them between dimensions.");
        }

        if (bytes + ofThisEntry > int.MaxValue)
        {
            throw new InvalidEntryException($"An entry of more than {int.MaxValue:N0} bytes was given; divide it.");
        }

        if (layer.Content.Length + bytes > _layerLimit)
        {
            throw new InvalidEntryException($"Layer {layer.Number} has {layer.Content.Length:N0} bytes and cannot take {bytes:N0} more: a layer holds {_layerLimit:N0}. Use another layer or dimension.");
        }

        // What is not compressed needs its place whatever follows, so a limit that is passed already need not wait for the end.
        if (_options.MaxTotalBytes is not null && layer.Settings.Codec == LayerCodec.None)
        {
            long stored = DimensionFormat.HeaderBytes + bytes;
            foreach (LayerComposer? other in _layers)
            {
                stored += other is { Settings.Codec: LayerCodec.None } ? other.Content.Length : 0;
            }

            ThrowIfTooLarge(stored);
        }
    }

    private void ThrowIfTooLarge(long size)
    {
        if (_options.MaxTotalBytes is { } limit && size > limit)
        {
            throw new Memory.LimitExceededException($"{_options.Id} {_options.Name}", size, 0, limit, "Nothing was replaced; leave entries out, compress layers or raise the limit.");
        }
    }

    private void WriteIndex(ImageSink sink, ImageHead head, LayerComposer[] layers, CancellationToken cancellationToken)
    {
        long[] starts = [-1, -1, -1, -1];
        foreach (LayerComposer layer in layers)
        {
            starts[layer.Number] = layer.Codec == LayerCodec.None ? layer.ContentOffset : -1;
        }

        using KeywordIndexComposer index = new(Memory, _scratch, _scratch is null ? int.MaxValue : Memory.Limit, starts);
        using (SortedRecords keywords = _keywords.Read())
        {
            index.Collect(keywords, cancellationToken);
        }

        _keywords.Dispose();
        long offset = sink.Position;
        long length = index.Layout.Length;
        if (length > int.MaxValue)
        {
            throw new InvalidEntryException($"The keywords need {length:N0} bytes of index, more than the {int.MaxValue:N0} a file can have; divide the entries between dimensions.");
        }

        ThrowIfTooLarge(offset + length);
        head.SetIndex(offset, length, index.Write(sink, (uint)EntryCount, cancellationToken));
    }

    /// <summary>Makes the keyword lists of a plain file: distinct ones by layer, brought back into the order in which they first appeared.</summary>
    private void ComposeLayerKeywords(LayerComposer[] layers, CancellationToken cancellationToken)
    {
        if (!_options.Plain)
        {
            return;
        }

        using FirstAppearances distinct = new(Memory, _scratch, _scratch is null ? int.MaxValue : _share / 2);
        using (SortedRecords keywords = _keywords.Read())
        {
            distinct.Collect(keywords, layer => _layers[layer]!.Settings.Keywords is null, cancellationToken);
        }

        _keywords.Dispose();
        distinct.AppendTo(layer => _layers[layer]!.Keywords, cancellationToken);
    }

    /// <summary>What a layer was before an entry.</summary>
    private readonly record struct EntryStart(long Length, bool IsNewLayer);
}

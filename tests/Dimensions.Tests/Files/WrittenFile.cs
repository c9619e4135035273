using System.IO.Compression;
using System.Text;
using DimensionStore.Tests.Format;

namespace DimensionStore.Tests.Files;

/// <summary>A file that was written, with what went into it, to be compared by readers other than the library's own where there are any.</summary>
internal sealed class WrittenFile
{
    private readonly DimensionWriterOptions _options;
    private readonly DimensionEntry[] _entries;
    private readonly List<EntryLocation> _locations = [];

    private WrittenFile(string path, DimensionWriterOptions options, DimensionEntry[] entries)
    {
        FilePath = path;
        _options = options;
        _entries = entries;
    }

    public string FilePath { get; }

    public DimensionDescriptor Descriptor { get; private set; } = null!;

    public int KeywordRuns { get; private set; }

    public long SpilledContentBytes { get; private set; }

    public long PeakMemoryBytes { get; private set; }

    public static WrittenFile Write(string path, DimensionWriterOptions options, DimensionEntry[] entries)
    {
        WrittenFile file = new(path, options, entries);
        using DimensionFileWriter writer = new(path, options);
        foreach (DimensionEntry entry in entries)
        {
            file._locations.Add(writer.AddEntry(entry.Layer, entry.Keywords, entry.Content.Span));
        }

        Assert.Equal(entries.Length, writer.EntryCount);
        file.SpilledContentBytes = writer.Composer.SpilledContentBytes;
        file.Descriptor = writer.Complete();
        file.KeywordRuns = writer.Composer.KeywordRuns;
        file.PeakMemoryBytes = writer.Composer.Memory.Peak;
        return file;
    }

    public void CheckAgainstModel()
    {
        byte[] bytes = File.ReadAllBytes(FilePath);
        DimensionDescriptor descriptor = DimensionDescriptor.Parse(bytes, bytes.Length, FilePath);
        Assert.Equal(_options.Id, descriptor.Id);
        Assert.Equal(_options.Name, descriptor.Name);
        Assert.Equal(_options.Plain, descriptor.IsPlain);
        Assert.Equal(!_options.Plain && _options.Id.IsImmutable, descriptor.IsSealed);
        Assert.Equal(_options.Plain, !descriptor.HasIndex);
        int[] numbers = [.. _entries.Select(entry => entry.Layer).Distinct().Order()];
        Assert.Equal(numbers, descriptor.Layers.Select(layer => layer.Layer));
        foreach (LayerDescriptor layer in descriptor.Layers)
        {
            CheckLayer(bytes, layer);
        }

        if (descriptor.HasIndex)
        {
            CheckIndex(new ReferenceIndex(bytes[(int)descriptor.IndexOffset..]));
        }
    }

    private void CheckLayer(byte[] bytes, LayerDescriptor layer)
    {
        LayerSettings settings = _options.Layers.TryGetValue(layer.Layer, out LayerSettings? given) ? given : new LayerSettings();
        Assert.Equal(settings.Depth ?? (byte)layer.Layer, layer.Depth);
        Assert.Equal(settings.Frequency, layer.Frequency);
        Assert.Equal(0, layer.ContentOffset % 64);
        byte[] content = [.. _entries.Where(entry => entry.Layer == layer.Layer).SelectMany(entry => entry.Content.ToArray())];
        Assert.Equal(content.Length == 0 ? LayerCodec.None : settings.Codec, layer.Codec);
        Assert.Equal(content, Decompress(bytes.AsSpan((int)layer.ContentOffset, (int)layer.ContentSize).ToArray(), layer.Codec));
        Assert.Equal(content.Length, layer.UncompressedSize);
        Assert.Equal(_options.Plain ? KeywordsOf(layer.Layer) : Limited(KeywordsOf(layer.Layer)), layer.Keywords);
    }

    private IEnumerable<string> KeywordsOf(int layer)
        => _entries.Where(entry => entry.Layer == layer).SelectMany(entry => entry.Keywords).DistinctBy(Fold);

    private static List<string> Limited(IEnumerable<string> keywords)
    {
        List<string> limited = [];
        int bytes = 0;
        foreach (string keyword in keywords)
        {
            bytes += Encoding.UTF8.GetByteCount(keyword);
            if (limited.Count == 256 || bytes > 8192)
            {
                break;
            }

            limited.Add(keyword);
        }

        return limited;
    }

    private void CheckIndex(ReferenceIndex index)
    {
        Assert.Equal((uint)_entries.Length, index.EntryCount);
        Dictionary<string, (string Display, List<EntryLocation> Locations)> model = [];
        for (int i = 0; i < _entries.Length; i++)
        {
            foreach (string keyword in _entries[i].Keywords.DistinctBy(Fold))
            {
                string folded = Fold(keyword);
                if (!model.TryGetValue(folded, out (string, List<EntryLocation> Locations) key))
                {
                    model[folded] = key = (keyword, []);
                }

                key.Locations.Add(_locations[i]);
            }
        }

        Assert.Equal(model.Count, index.Keys.Count);
        foreach (ReferenceIndex.Key key in index.Keys)
        {
            (string display, List<EntryLocation> locations) = model[Encoding.UTF8.GetString(key.Folded)];
            Assert.Equal(display, key.DisplayText);
            Assert.Equal(locations.OrderBy(location => location.Layer).ThenBy(location => location.Offset), key.Postings);
        }
    }

    private static string Fold(string keyword)
    {
        byte[] folded = new byte[KeywordFolding.MaxFoldedBytes + 8];
        return Encoding.UTF8.GetString(folded, 0, KeywordFolding.Fold(keyword.AsSpan(), folded));
    }

    private static byte[] Decompress(byte[] stored, LayerCodec codec)
    {
        using Stream stream = codec switch
        {
            LayerCodec.Brotli => new BrotliStream(new MemoryStream(stored), CompressionMode.Decompress),
            LayerCodec.ZLib => new ZLibStream(new MemoryStream(stored), CompressionMode.Decompress),
            LayerCodec.None => new MemoryStream(stored),
            _ => new MemoryStream(SampleImages.DecodeFrame(codec, stored)),
        };
        using MemoryStream content = new();
        stream.CopyTo(content);
        return content.ToArray();
    }
}

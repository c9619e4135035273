using System.Text;

namespace DimensionStore.Tests.Store;

/// <summary>A store's directory for one test, with short ways to fill it. Removed with everything in it.</summary>
internal sealed class StoreFolder : IDisposable
{
    public StoreFolder() => FullPath = Directory.CreateTempSubdirectory("store-tests-").FullName;

    public string FullPath { get; }

    public MemoryConfig Config => new() { BasePath = FullPath, Simulate = false, UnloadTimeout = TimeSpan.FromSeconds(20) };

    public string PathOf(int id) => Path.Combine(FullPath, new DimensionId(id).FileName);

    public MmapManager Open() => new(Config);

    /// <summary>Writes a dimension with one entry per keyword; the content says which one it is.</summary>
    public string Write(int id, params string[] keywords) => Write(id, PathOf(id), keywords);

    public static string Write(int id, string path, params string[] keywords) =>
        WriteEntries(id, path, keywords.Select((k, i) => (i % 4, k, $"{k} of D{id:00}")));

    public static string WriteEntries(int id, string path, IEnumerable<(int Layer, string Keyword, string Text)> entries, LayerCodec codec = LayerCodec.None, bool plain = false)
    {
        DimensionWriterOptions options = new()
        {
            Id = new DimensionId(id),
            Name = $"Test {id}",
            Plain = plain,
            Overwrite = true,
            Layers = Enumerable.Range(0, 4).ToDictionary(l => l, l => new LayerSettings { Frequency = 100 * (l + 1), Codec = codec }),
        };
        using DimensionFileWriter writer = new(path, options);
        foreach ((int layer, string keyword, string text) in entries)
        {
            writer.AddEntry(layer, [keyword], Encoding.UTF8.GetBytes(text));
        }

        writer.Complete();
        return path;
    }

    /// <summary>Writes a dimension whose layer 0 has so many bytes, all of the same value.</summary>
    public string WriteBytes(int id, int length, byte value) => WriteBytes(id, PathOf(id), length, value);

    public static string WriteBytes(int id, string path, int length, byte value, LayerCodec codec = LayerCodec.None)
    {
        DimensionWriterOptions options = new()
        {
            Id = new DimensionId(id),
            Name = $"Bytes {id}",
            Overwrite = true,
            Layers = new Dictionary<int, LayerSettings> { [0] = new() { Codec = codec } },
        };
        using DimensionFileWriter writer = new(path, options);
        byte[] content = new byte[length];
        content.AsSpan().Fill(value);
        writer.AddEntry(0, ["bytes"], content);
        writer.Complete();
        return path;
    }

    public void Dispose() => Directory.Delete(FullPath, recursive: true);
}

using System.Text;
using DimensionStore.Benchmarks.Peers;

namespace DimensionStore.Benchmarks.Quick;

/// <summary>The files a quick run works on, in a directory of their own that goes away with it.</summary>
internal sealed class Workspace : IDisposable
{
    public Workspace(Corpus corpus)
    {
        Corpus = corpus;
        Root = Directory.CreateTempSubdirectory("dimstore-bench-").FullName;
        StoreDirectory = Directory.CreateDirectory(Path.Combine(Root, "store")).FullName;
        CoreDirectory = Path.Combine(Root, "core");
        CsvPath = Path.Combine(Root, "entries.csv");
        LmdbPath = Path.Combine(Root, "entries.lmdb");
        SqlitePath = Path.Combine(Root, "entries.sqlite");
        DimensionPath = Path.Combine(StoreDirectory, WordDimension.FileName);
        BuildDimension(DimensionPath);
        DimensionCatalog.Default.Generate(CoreDirectory);
        WriteCsv();
        if (Lmdb.IsAvailable)
        {
            Lmdb.Build(LmdbPath, corpus.Items);
        }

        if (Sqlite.IsAvailable)
        {
            Sqlite.Build(SqlitePath, corpus.Items);
        }
    }

    /// <summary>The one dimension that holds every key: D15, whose partition is large enough.</summary>
    public static DimensionId WordDimension { get; } = new(15);

    public Corpus Corpus { get; }

    public string Root { get; }

    public string StoreDirectory { get; }

    public string CoreDirectory { get; }

    public string DimensionPath { get; }

    public string CsvPath { get; }

    public string LmdbPath { get; }

    public string SqlitePath { get; }

    public void BuildDimension(string path)
    {
        using DimensionFileWriter writer = new(path, new DimensionWriterOptions { Id = WordDimension, Name = "Words", Overwrite = true });
        string[] keywords = new string[1];
        byte[] content = new byte[1 << 16];
        foreach ((string key, string text) in Corpus.Items)
        {
            keywords[0] = key;
            int length = Encoding.UTF8.GetBytes(text, content);
            writer.AddEntry(0, keywords, content.AsSpan(0, length));
        }

        writer.Complete();
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);

    private void WriteCsv()
    {
        using StreamWriter csv = new(CsvPath);
        csv.WriteLine("keyword,content");
        foreach ((string key, string text) in Corpus.Items)
        {
            csv.Write('"');
            csv.Write(key.Replace("\"", "\"\"", StringComparison.Ordinal));
            csv.Write("\",\"");
            csv.Write(text.Replace("\"", "\"\"", StringComparison.Ordinal));
            csv.WriteLine('"');
        }
    }
}

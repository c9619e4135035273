using System.Globalization;
using System.Text;
using CsvHelper;
using DimensionStore.Benchmarks.Peers;

namespace DimensionStore.Benchmarks.Quick;

/// <summary>From nothing open to the first answer, page cache warm, and what it costs to open a whole store.</summary>
internal static class OpenGroup
{
    public static IEnumerable<Measurement> Run(Workspace workspace)
    {
        string key = workspace.Corpus.Items[workspace.Corpus.Items.Count / 2].Key;
        List<Contender> quick =
        [
            new("DimensionStore, one file", () => OpenRegion(workspace.DimensionPath, key), IsOurs: true),
        ];
        if (Lmdb.IsAvailable)
        {
            quick.Add(new("LMDB", () => OpenLmdb(workspace.LmdbPath, key)));
        }

        if (Sqlite.IsAvailable)
        {
            quick.Add(new("SQLite, mapped", () => OpenSqlite(workspace.SqlitePath, key)));
        }

        List<Contender> slow =
        [
            new("DimensionStore, one file", () => OpenRegion(workspace.DimensionPath, key), IsOurs: true),
            new("Dictionary, built from memory", () => BuildDictionary(workspace, key)),
            new("CSV, parsed into a Dictionary", () => ParseCsv(workspace, key)),
        ];
        string core = Path.Combine(workspace.CoreDirectory, "D01.mmap");
        return
        [
            .. Race.Run("open to first answer", 9, quick),
            .. Race.Run("open to first answer, against building", 3, slow),
            .. Race.Run("load", 9,
                new Contender("DimensionStore, load one dimension (header and metadata checked)", () => Load(core), IsOurs: true),
                new Contender("DimensionStore, open a store of 14 files", () => OpenStore(workspace.CoreDirectory), IsOurs: true)),
        ];
    }

    private static long OpenRegion(string path, string key)
    {
        const int Count = 50;
        for (int i = 0; i < Count; i++)
        {
            using MmapRegion region = MmapRegion.Open(path);
            if (!region.Index.TryFind(key, out PostingList postings) || region.StoredLayer(0)[(int)postings[0].Offset] == 0)
            {
                throw new InvalidOperationException($"'{key}' was not found.");
            }
        }

        return Count;
    }

    private static long OpenLmdb(string path, string key)
    {
        const int Count = 20;
        for (int i = 0; i < Count; i++)
        {
            using Lmdb lmdb = Lmdb.Open(path);
            if (lmdb.Get(key).IsEmpty)
            {
                throw new InvalidOperationException($"'{key}' was not found.");
            }
        }

        return Count;
    }

    private static long OpenSqlite(string path, string key)
    {
        const int Count = 20;
        for (int i = 0; i < Count; i++)
        {
            using Sqlite sqlite = Sqlite.Open(path);
            if (sqlite.Get(key).IsEmpty)
            {
                throw new InvalidOperationException($"'{key}' was not found.");
            }
        }

        return Count;
    }

    private static long BuildDictionary(Workspace workspace, string key)
    {
        // The strings are made anew, as reading them from anywhere would.
        Dictionary<string, string> dictionary = new(StringComparer.Ordinal);
        foreach ((string k, string v) in workspace.Corpus.Items)
        {
            dictionary.Add(new string(k.AsSpan()), new string(v.AsSpan()));
        }

        return dictionary[key].Length == 0 ? 0 : 1;
    }

    private static long ParseCsv(Workspace workspace, string key)
    {
        Dictionary<string, string> dictionary = new(StringComparer.Ordinal);
        using StreamReader reader = new(workspace.CsvPath, Encoding.UTF8);
        using CsvParser csv = new(reader, CultureInfo.InvariantCulture);
        csv.Read();
        while (csv.Read())
        {
            dictionary.Add(csv[0], csv[1]);
        }

        return dictionary[key].Length == 0 ? 0 : 1;
    }

    private static long Load(string path)
    {
        const int Count = 100;
        for (int i = 0; i < Count; i++)
        {
            using MmapRegion region = MmapRegion.Open(path);
            if (region.Descriptor.Layers.Count == 0)
            {
                throw new InvalidOperationException("no layers");
            }
        }

        return Count;
    }

    private static long OpenStore(string directory)
    {
        const int Count = 10;
        for (int i = 0; i < Count; i++)
        {
            using MmapManager store = new(new MemoryConfig { BasePath = directory });
            if (store.GetStats().DimensionsLoaded != 14)
            {
                throw new InvalidOperationException("not all loaded");
            }
        }

        return Count;
    }
}

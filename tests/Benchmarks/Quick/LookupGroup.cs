using System.Collections.Frozen;
using DimensionStore.Benchmarks.Peers;

namespace DimensionStore.Benchmarks.Quick;

/// <summary>Exact and prefix lookup on a warm map, keys drawn at random, the first byte of the answer read.</summary>
internal static class LookupGroup
{
    private const int BatchSize = 100_000;

    public static IEnumerable<Measurement> Run(Workspace workspace)
    {
        string[] all = Draw(workspace.Corpus, BatchSize, int.MaxValue);
        string[] hot = Draw(workspace.Corpus, BatchSize, 1_000);
        string[] upper = [.. all.Select(k => k.ToUpperInvariant())];

        // First four characters of keys: what somebody types before a list of completions shows.
        string[] prefixes = [.. all.Select(k => k[..Math.Min(4, k.Length)])];
        string[] longPrefixes = [.. all.Select(k => k[..Math.Max(1, k.Length - 2)])];

        Dictionary<string, string> dictionary = new(workspace.Corpus.Items, StringComparer.Ordinal);
        Dictionary<string, string> ignoreCase = new(workspace.Corpus.Items, StringComparer.OrdinalIgnoreCase);
        FrozenDictionary<string, string> frozen = dictionary.ToFrozenDictionary(StringComparer.Ordinal);
        string[] sorted = [.. dictionary.Keys.Order(StringComparer.Ordinal)];
        using MmapManager store = new(new MemoryConfig { BasePath = workspace.StoreDirectory, Simulate = false });
        using Lmdb? lmdb = Lmdb.IsAvailable ? Lmdb.Open(workspace.LmdbPath) : null;
        using Sqlite? sqlite = Sqlite.IsAvailable ? Sqlite.Open(workspace.SqlitePath) : null;

        List<Contender> Peers(string[] keys)
        {
            List<Contender> peers =
            [
                new("DimensionStore, safe against unload", () => FindInStore(store, keys), IsOurs: true),
                new("DimensionStore, upper-case query", () => FindInStore(store, ReferenceEquals(keys, all) ? upper : keys), IsOurs: true),
                new("Dictionary, ordinal", () => FindInDictionary(dictionary, keys)),
                new("Dictionary, ignoring case", () => FindInDictionary(ignoreCase, keys)),
                new("FrozenDictionary, ordinal", () => FindInFrozen(frozen, keys)),
            ];
            if (lmdb is not null)
            {
                peers.Add(new("LMDB", () => FindInLmdb(lmdb, keys)));
            }

            if (sqlite is not null)
            {
                peers.Add(new("SQLite, prepared, mapped", () => FindInSqlite(sqlite, keys)));
            }

            return peers;
        }

        return
        [
            .. Race.Run("exact lookup, all keys at random", 9, Peers(all)),
            .. Race.Run("exact lookup, hot 1,000 keys", 5, Peers(hot)),
            .. Race.Run("prefix lookup, first match", 9,
                new Contender("DimensionStore, exact (to compare)", () => FindInStore(store, all), IsOurs: true),
                new Contender("DimensionStore, 4 characters", () => FindPrefix(workspace, prefixes), IsOurs: true),
                new Contender("DimensionStore, all but 2 characters", () => FindPrefix(workspace, longPrefixes), IsOurs: true),
                new Contender("sorted string[], binary search", () => FindSorted(sorted, prefixes))),
        ];
    }

    private static string[] Draw(Corpus corpus, int count, int among)
    {
        Random random = new(42);
        string[] pool = [.. corpus.Items.Select(p => p.Key)];
        random.Shuffle(pool);
        int size = Math.Min(among, pool.Length);
        return [.. Enumerable.Range(0, count).Select(_ => pool[random.Next(size)])];
    }

    private static long FindInStore(MmapManager store, string[] keys)
    {
        DimensionId id = Workspace.WordDimension;
        long sum = 0;
        foreach (string key in keys)
        {
            using EntryAccess entry = store.Find(id, key);
            sum += entry.ContentOf(0)[0];
        }

        return Use(sum, keys.Length);
    }

    private static long FindPrefix(Workspace workspace, string[] prefixes)
    {
        using MmapRegion region = MmapRegion.Open(workspace.DimensionPath);
        KeywordIndex index = region.Index;
        ReadOnlySpan<byte> content = region.StoredLayer(0);
        long sum = 0;
        foreach (string prefix in prefixes)
        {
            KeywordCursor cursor = index.FindPrefix(prefix);
            cursor.MoveNext();
            sum += content[(int)cursor.Postings[0].Offset];
        }

        return Use(sum, prefixes.Length);
    }

    private static long FindSorted(string[] sorted, string[] prefixes)
    {
        long sum = 0;
        foreach (string prefix in prefixes)
        {
            int at = Array.BinarySearch(sorted, prefix, StringComparer.Ordinal);
            sum += sorted[at < 0 ? ~at : at][0];
        }

        return Use(sum, prefixes.Length);
    }

    private static long FindInDictionary(Dictionary<string, string> dictionary, string[] keys)
    {
        long sum = 0;
        foreach (string key in keys)
        {
            sum += dictionary[key][0];
        }

        return Use(sum, keys.Length);
    }

    private static long FindInFrozen(FrozenDictionary<string, string> dictionary, string[] keys)
    {
        long sum = 0;
        foreach (string key in keys)
        {
            sum += dictionary[key][0];
        }

        return Use(sum, keys.Length);
    }

    private static long FindInLmdb(Lmdb lmdb, string[] keys)
    {
        long sum = 0;
        foreach (string key in keys)
        {
            sum += lmdb.Get(key)[0];
        }

        return Use(sum, keys.Length);
    }

    private static long FindInSqlite(Sqlite sqlite, string[] keys)
    {
        long sum = 0;
        foreach (string key in keys)
        {
            sum += sqlite.Get(key)[0];
        }

        return Use(sum, keys.Length);
    }

    // Keeps the sums alive: a batch whose result nobody needs could be removed by the compiler.
    private static long Use(long sum, long operations) => sum == long.MinValue ? 0 : operations;
}

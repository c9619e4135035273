using System.Collections.Frozen;
using DimensionStore.Benchmarks.Peers;

namespace DimensionStore.Benchmarks.Quick;

/// <summary>Exact and prefix lookup on a warm map, keys drawn at random, the first byte of the answer read.</summary>
internal static class LookupGroup
{
    private const int BatchSize = 100_000;

    // A batch is many calls, so that every contender runs code that was compiled for its loop, and none what was swapped in while a first call ran.
    private const int SliceSize = 1_000;

    private delegate long LookUp(ReadOnlySpan<string> keys);

    public static IEnumerable<Measurement> Run(Workspace workspace)
    {
        string[] all = Draw(workspace.Corpus, BatchSize, int.MaxValue);
        string[] hot = Draw(workspace.Corpus, BatchSize, 1_000);

        // First four characters of keys: what somebody types before a list of completions shows.
        string[] prefixes = [.. all.Select(k => k[..Math.Min(4, k.Length)])];
        string[] longPrefixes = [.. all.Select(k => k[..Math.Max(1, k.Length - 2)])];

        Dictionary<string, string> dictionary = new(workspace.Corpus.Items, StringComparer.Ordinal);
        Dictionary<string, string> ignoreCase = new(workspace.Corpus.Items, StringComparer.OrdinalIgnoreCase);
        FrozenDictionary<string, string> frozen = dictionary.ToFrozenDictionary(StringComparer.Ordinal);
        string[] sorted = [.. dictionary.Keys.Order(StringComparer.Ordinal)];
        using MmapManager store = new(new MemoryConfig { BasePath = workspace.StoreDirectory, Simulate = false });
        using MmapRegion region = MmapRegion.Open(workspace.DimensionPath);
        using Lmdb? lmdb = Lmdb.IsAvailable ? Lmdb.Open(workspace.LmdbPath) : null;
        using Sqlite? sqlite = Sqlite.IsAvailable ? Sqlite.Open(workspace.SqlitePath) : null;

        List<Contender> Peers(string[] keys)
        {
            string[] upper = [.. keys.Select(k => k.ToUpperInvariant())];
            List<Contender> peers =
            [
                On("DimensionStore, safe against unload", keys, slice => FindInStore(store, slice), isOurs: true),
                On("Dictionary, ordinal", keys, slice => FindInDictionary(dictionary, slice)),
                On("DimensionStore, upper-case query", upper, slice => FindInStore(store, slice), isOurs: true),
                On("Dictionary, ignoring case", keys, slice => FindInDictionary(ignoreCase, slice)),
                On("DimensionStore, the file's index alone", keys, slice => FindInIndex(region, slice), isOurs: true),
                On("FrozenDictionary, ordinal", keys, slice => FindInFrozen(frozen, slice)),
            ];
            if (lmdb is not null)
            {
                peers.Add(On("LMDB", keys, slice => FindInLmdb(lmdb, slice)));
            }

            if (sqlite is not null)
            {
                peers.Add(On("SQLite, prepared, mapped", keys, slice => FindInSqlite(sqlite, slice)));
            }

            return peers;
        }

        return
        [
            .. Race.RunWarm("exact lookup, all keys at random", 9, Peers(all)),
            .. Race.RunWarm("exact lookup, hot 1,000 keys", 5, Peers(hot)),
            .. Race.RunWarm("prefix lookup, first match", 9,
                On("DimensionStore, exact (to compare)", all, slice => FindInIndex(region, slice), isOurs: true),
                On("DimensionStore, 4 characters", prefixes, slice => FindPrefix(region, slice), isOurs: true),
                On("DimensionStore, all but 2 characters", longPrefixes, slice => FindPrefix(region, slice), isOurs: true),
                On("sorted string[], binary search, 4 characters", prefixes, slice => FindSorted(sorted, slice)),
                On("sorted string[], binary search, all but 2 characters", longPrefixes, slice => FindSorted(sorted, slice))),
        ];
    }

    private static Contender On(string name, string[] keys, LookUp lookUp, bool isOurs = false) => new(
        name,
        () =>
        {
            long operations = 0;
            for (int i = 0; i < keys.Length; i += SliceSize)
            {
                operations += lookUp(keys.AsSpan(i, Math.Min(SliceSize, keys.Length - i)));
            }

            return operations;
        },
        isOurs);

    private static string[] Draw(Corpus corpus, int count, int among)
    {
        Random random = new(42);
        string[] pool = [.. corpus.Items.Select(p => p.Key)];
        random.Shuffle(pool);
        int size = Math.Min(among, pool.Length);

        // Copies, in the order they are asked for: a query is read from somewhere, and is neither the dictionary's own key object nor a cache miss of its own.
        return [.. Enumerable.Range(0, count).Select(_ => new string(pool[random.Next(size)].AsSpan()))];
    }

    private static long FindInStore(MmapManager store, ReadOnlySpan<string> keys)
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

    private static long FindInIndex(MmapRegion region, ReadOnlySpan<string> keys)
    {
        KeywordIndex index = region.Index;
        ReadOnlySpan<byte> content = region.StoredLayer(0);
        long sum = 0;
        foreach (string key in keys)
        {
            index.TryFind(key, out PostingList postings);
            sum += content[(int)postings[0].Offset];
        }

        return Use(sum, keys.Length);
    }

    private static long FindPrefix(MmapRegion region, ReadOnlySpan<string> prefixes)
    {
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

    private static long FindSorted(string[] sorted, ReadOnlySpan<string> prefixes)
    {
        long sum = 0;
        foreach (string prefix in prefixes)
        {
            int at = Array.BinarySearch(sorted, prefix, StringComparer.Ordinal);
            sum += sorted[at < 0 ? ~at : at][0];
        }

        return Use(sum, prefixes.Length);
    }

    private static long FindInDictionary(Dictionary<string, string> dictionary, ReadOnlySpan<string> keys)
    {
        long sum = 0;
        foreach (string key in keys)
        {
            sum += dictionary[key][0];
        }

        return Use(sum, keys.Length);
    }

    private static long FindInFrozen(FrozenDictionary<string, string> dictionary, ReadOnlySpan<string> keys)
    {
        long sum = 0;
        foreach (string key in keys)
        {
            sum += dictionary[key][0];
        }

        return Use(sum, keys.Length);
    }

    private static long FindInLmdb(Lmdb lmdb, ReadOnlySpan<string> keys)
    {
        long sum = 0;
        foreach (string key in keys)
        {
            sum += lmdb.Get(key)[0];
        }

        return Use(sum, keys.Length);
    }

    private static long FindInSqlite(Sqlite sqlite, ReadOnlySpan<string> keys)
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

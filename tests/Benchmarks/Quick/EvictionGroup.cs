namespace DimensionStore.Benchmarks.Quick;

/// <summary>
/// Miss ratios of the eviction policies on a trace made of real text: the words of WordNet's glosses in the order of the files, each word an access
/// to the dimension that holds it, and a budget of half of what the dimensions need together.
/// </summary>
internal static class EvictionGroup
{
    public static IEnumerable<Measurement> Run(Corpus corpus)
    {
        if (!WordNetImporter.IsInstalled())
        {
            yield break;
        }

        string directory = Directory.CreateTempSubdirectory("dimstore-trace-").FullName;
        try
        {
            WordNetImporter.Import(WordNetImporter.DefaultDirectory, directory);
            using MmapManager store = new(new MemoryConfig { BasePath = directory, Simulate = false });
            Dictionary<int, long> sizes = store.GetDimensions().ToDictionary(d => d.Id.Value, d => d.SizeBytes);
            List<int> trace = TraceOf(corpus, store, [.. sizes.Keys.Order()]);
            foreach (int percent in (int[])[30, 50, 70])
            {
                long limit = sizes.Values.Sum() * percent / 100;
                foreach (EvictionPolicy policy in (EvictionPolicy[])[EvictionPolicy.Lru, EvictionPolicy.Lfu])
                {
                    EvictionReplayResult result = EvictionReplay.Replay(policy, trace, id => sizes[id], limit, 85);
                    yield return new Measurement(
                        $"misses, {trace.Count:N0} accesses of real text, budget {percent} % of all dimensions",
                        policy.ToString().ToUpperInvariant(),
                        result.Misses * 100.0 / result.Accesses,
                        "%",
                        0,
                        policy == EvictionPolicy.Lru);
                }
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static List<int> TraceOf(Corpus corpus, MmapManager store, int[] dimensions)
    {
        Dictionary<string, int> home = new(StringComparer.Ordinal);
        List<int> trace = [];
        foreach (string text in corpus.Items.Select(p => p.Value).Take(40_000))
        {
            foreach (string word in text.Split([' ', ',', ';', '.', '"', '(', ')', '\n'], StringSplitOptions.RemoveEmptyEntries))
            {
                if (!home.TryGetValue(word, out int dimension))
                {
                    dimension = Array.Find(dimensions, d => Holds(store, d, word));
                    home.Add(word, dimension);
                }

                if (dimension != 0)
                {
                    trace.Add(dimension);
                }
            }
        }

        return trace;
    }

    private static bool Holds(MmapManager store, int dimension, string word)
    {
        using EntryAccess entry = store.Find(new DimensionId(dimension), word);
        return entry.Found;
    }
}

using BenchmarkDotNet.Attributes;
using DimensionStore.Benchmarks.Quick;

namespace DimensionStore.Benchmarks.Depth;

/// <summary>Exact lookup with varying working sets.</summary>
[MemoryDiagnoser]
public class KeywordLookupBenchmarks
{
    private const int Draws = 65_536;
    private Workspace _workspace = null!;
    private MmapManager _store = null!;
    private Dictionary<string, string> _dictionary = null!;
    private string[] _keys = [];
    private int _next;

    /// <summary>How many different keys are asked for.</summary>
    [Params(1_000, int.MaxValue)]
    public int WorkingSet { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _workspace = new Workspace(Corpus.Load());
        _store = new MmapManager(new MemoryConfig { BasePath = _workspace.StoreDirectory, Simulate = false });
        _dictionary = new Dictionary<string, string>(_workspace.Corpus.Items, StringComparer.Ordinal);
        Random random = new(7);
        int size = Math.Min(WorkingSet, _workspace.Corpus.Items.Count);
        _keys = [.. Enumerable.Range(0, Draws).Select(_ => _workspace.Corpus.Items[random.Next(size)].Key)];
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _store.Dispose();
        _workspace.Dispose();
    }

    [Benchmark(Baseline = true)]
    public char Dictionary() => _dictionary[_keys[_next++ & (Draws - 1)]][0];

    [Benchmark]
    public byte Store()
    {
        using EntryAccess entry = _store.Find(Workspace.WordDimension, _keys[_next++ & (Draws - 1)]);
        return entry.ContentOf(0)[0];
    }
}

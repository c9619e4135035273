using BenchmarkDotNet.Attributes;
using DimensionStore.Benchmarks.Quick;

namespace DimensionStore.Benchmarks.Depth;

/// <summary>Layer access and statistics.</summary>
[MemoryDiagnoser]
public class LayerAccessBenchmarks
{
    private readonly LayerId _layer = new(new DimensionId(1), 0);
    private Workspace _workspace = null!;
    private MmapManager _store = null!;

    [GlobalSetup]
    public void Setup()
    {
        _workspace = new Workspace(Corpus.Load());
        _store = new MmapManager(new MemoryConfig { BasePath = _workspace.CoreDirectory });
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _store.Dispose();
        _workspace.Dispose();
    }

    [Benchmark]
    public byte AccessLayer()
    {
        using LayerAccess access = _store.AccessLayer(_layer);
        return access.Span[0];
    }

    [Benchmark]
    public long GetStats() => _store.GetStats().AccessCount;
}

using BenchmarkDotNet.Attributes;
using DimensionStore.Benchmarks.Quick.Allocation;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Depth;

/// <summary>Every allocator of the catalog, and <c>NativeMemory</c> as the base: pairs by size, and churn by the number of live blocks. Slabs by <see cref="ThreadHeap"/>.</summary>
[MemoryDiagnoser]
public class AllocatorBenchmarks
{
    private const int Operations = 100_000;
    private MemoryAllocator? _allocator;
    private Func<long> _pairs = null!;
    private Func<long> _churn = null!;

    /// <summary>The allocators, as <see cref="AllocatorCatalog"/> names them, and the system's.</summary>
    public static IEnumerable<string> Names => [nameof(System.Runtime.InteropServices.NativeMemory), .. AllocatorCatalog.All.Select(kind => kind.Name)];

    /// <summary>Which one.</summary>
    [ParamsSource(nameof(Names))]
    public string Allocator { get; set; } = "";

    /// <summary>Bytes of a block in a pair; a tenth of the live blocks of the churn.</summary>
    [Params(64, 1024, 16_384)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        Pairs pairs = new((nuint)Size, Operations);
        Churn churn = new(Size * 10, Operations);
        if (Allocator == nameof(System.Runtime.InteropServices.NativeMemory))
        {
            _pairs = pairs.Visit(default(NativeTarget));
            _churn = churn.Visit(default(NativeTarget));
            return;
        }

        _allocator = AllocatorCatalog.Create(Allocator, new AllocatorSettings { CapacityBytes = 8L << 30 });
        _pairs = ReplayTargets.Dispatch(_allocator, pairs);
        _churn = ReplayTargets.Dispatch(_allocator, churn);
    }

    [GlobalCleanup]
    public void Cleanup() => _allocator?.Dispose();

    [Benchmark(OperationsPerInvoke = Operations)]
    public long Pair() => _pairs();

    [Benchmark(OperationsPerInvoke = Operations)]
    public long Replace() => _churn();
}

using System.Buffers;
using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Depth;

/// <summary>One block allocated and freed, by size.</summary>
[MemoryDiagnoser]
public unsafe class PoolBenchmarks
{
    private PoolAllocator _pool = null!;

    /// <summary>Bytes asked for.</summary>
    [Params(4096, 65_536)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Setup() => _pool = new PoolAllocator(PoolConfig.Default, 280L << 20);

    [GlobalCleanup]
    public void Cleanup() => _pool.Dispose();

    [Benchmark(Baseline = true)]
    public void Native() => NativeMemory.Free(NativeMemory.Alloc((nuint)Size));

    [Benchmark]
    public void Array() => ArrayPool<byte>.Shared.Return(ArrayPool<byte>.Shared.Rent(Size));

    [Benchmark]
    public void Pool() => _pool.Free(_pool.Allocate((nuint)Size));
}

using System.Runtime.CompilerServices;

namespace DimensionStore.Benchmarks.Quick;

/// <summary>Access to a layer, safe against unloading, beside a read through a raw pointer.</summary>
internal static class AccessGroup
{
    private const int BatchSize = 4_000_000;

    public static unsafe IEnumerable<Measurement> Run(Workspace workspace)
    {
        using MmapManager store = new(new MemoryConfig { BasePath = workspace.CoreDirectory });
        LayerId layer = new(new DimensionId(1), 0);
        byte[] copy = GC.AllocateUninitializedArray<byte>(1 << 16, pinned: true);
        store.ReadLayer(layer).AsSpan().CopyTo(copy);
        int length = store.ReadLayer(layer).Length;
        nint address = (nint)Unsafe.AsPointer(ref copy[0]);
        return
        [
            .. Race.Run("layer access", 11,
                new Contender("raw pointer read", () => ReadRaw(address, length)),
                new Contender("DimensionStore, AccessLayer and read", () => ReadLayer(store, layer), IsOurs: true),
                new Contender("raw pointer read, two threads", () => Race.OnTwoThreads(() => ReadRaw(address, length))),
                new Contender("DimensionStore, two threads", () => Race.OnTwoThreads(() => ReadLayer(store, layer)), IsOurs: true)),
            .. Race.Run("statistics snapshot", 7,
                new Contender("DimensionStore, GetStats", () => ReadStatistics(store), IsOurs: true)),
        ];
    }

    private static unsafe long ReadRaw(nint address, int length)
    {
        byte* bytes = (byte*)address;
        long sum = 0;
        for (int i = 0; i < BatchSize; i++)
        {
            sum += Volatile.Read(ref bytes[i % length]);
        }

        return sum == long.MinValue ? 0 : BatchSize;
    }

    private static long ReadLayer(MmapManager store, LayerId layer)
    {
        long sum = 0;
        for (int i = 0; i < BatchSize; i++)
        {
            using LayerAccess access = store.AccessLayer(layer);
            ReadOnlySpan<byte> span = access.Span;
            sum += span[i % span.Length];
        }

        return sum == long.MinValue ? 0 : BatchSize;
    }

    private static long ReadStatistics(MmapManager store)
    {
        const int Count = 20_000;
        long sum = 0;
        for (int i = 0; i < Count; i++)
        {
            sum += store.GetStats().AccessCount;
        }

        return sum == long.MinValue ? 0 : Count;
    }
}

using System.Buffers;
using System.Runtime.InteropServices;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick;

/// <summary>Allocate and free one block of 4 KiB.</summary>
internal static class PoolGroup
{
    private const int BatchSize = 500_000;
    private const int BlockBytes = 4096;

    public static IEnumerable<Measurement> Run()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 280L << 20);
        return
        [
            .. Race.Run("allocate and free 4 KiB", 9,
                new Contender("DimensionStore pool", () => Pairs(pool), IsOurs: true),
                new Contender("NativeMemory", NativePairs),
                new Contender("ArrayPool<byte>.Shared", ArrayPairs)),
            .. Race.Run("allocate and free 4 KiB, two threads", 9,
                new Contender("DimensionStore pool", () => Race.OnTwoThreads(() => Pairs(pool)), IsOurs: true),
                new Contender("NativeMemory", () => Race.OnTwoThreads(NativePairs)),
                new Contender("ArrayPool<byte>.Shared", () => Race.OnTwoThreads(ArrayPairs))),
            .. Race.Run("allocate 500 of 4 KiB, then free them", 9,
                new Contender("DimensionStore pool", () => Burst(pool), IsOurs: true),
                new Contender("NativeMemory", NativeBurst),
                new Contender("ArrayPool<byte>.Shared", ArrayBurst)),
        ];
    }

    private static unsafe long Pairs(PoolAllocator pool)
    {
        for (int i = 0; i < BatchSize; i++)
        {
            nint block = pool.Allocate(BlockBytes);
            *(byte*)block = 1;
            pool.Free(block);
        }

        return BatchSize;
    }

    private static unsafe long NativePairs()
    {
        for (int i = 0; i < BatchSize; i++)
        {
            byte* block = (byte*)NativeMemory.Alloc(BlockBytes);
            *block = 1;
            NativeMemory.Free(block);
        }

        return BatchSize;
    }

    private static long ArrayPairs()
    {
        for (int i = 0; i < BatchSize; i++)
        {
            byte[] block = ArrayPool<byte>.Shared.Rent(BlockBytes);
            block[0] = 1;
            ArrayPool<byte>.Shared.Return(block);
        }

        return BatchSize;
    }

    private static unsafe long Burst(PoolAllocator pool)
    {
        Span<nint> blocks = stackalloc nint[500];
        for (int round = 0; round < 100; round++)
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                blocks[i] = pool.Allocate(BlockBytes);
                *(byte*)blocks[i] = 1;
            }

            foreach (nint block in blocks)
            {
                pool.Free(block);
            }
        }

        return 100L * blocks.Length;
    }

    private static unsafe long NativeBurst()
    {
        Span<nint> blocks = stackalloc nint[500];
        for (int round = 0; round < 100; round++)
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                blocks[i] = (nint)NativeMemory.Alloc(BlockBytes);
                *(byte*)blocks[i] = 1;
            }

            foreach (nint block in blocks)
            {
                NativeMemory.Free((void*)block);
            }
        }

        return 100L * blocks.Length;
    }

    private static long ArrayBurst()
    {
        byte[][] blocks = new byte[500][];
        for (int round = 0; round < 100; round++)
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                blocks[i] = ArrayPool<byte>.Shared.Rent(BlockBytes);
                blocks[i][0] = 1;
            }

            foreach (byte[] block in blocks)
            {
                ArrayPool<byte>.Shared.Return(block);
            }
        }

        return 100L * blocks.Length;
    }
}

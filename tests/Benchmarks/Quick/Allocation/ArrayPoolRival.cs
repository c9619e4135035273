using System.Buffers;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary><c>ArrayPool&lt;byte&gt;.Shared</c>, whose blocks are arrays and not addresses, doing the same.</summary>
internal static class ArrayPoolRival
{
    private const string Name = "ArrayPool<byte>.Shared";

    public static Contender Pairs(int size, int count, bool twoThreads = false)
        => new(Name, twoThreads ? () => Race.OnTwoThreads(() => RunPairs(size, count)) : () => RunPairs(size, count));

    public static Contender Batches(int size, int rounds)
    {
        byte[][] blocks = new byte[1000][];
        return new Contender(Name, () =>
        {
            for (int round = 0; round < rounds; round++)
            {
                for (int i = 0; i < blocks.Length; i++)
                {
                    blocks[i] = ArrayPool<byte>.Shared.Rent(size);
                    blocks[i][0] = 1;
                }

                foreach (byte[] block in blocks)
                {
                    ArrayPool<byte>.Shared.Return(block);
                }
            }

            return (long)rounds * blocks.Length;
        });
    }

    public static Contender Churn(int live, int count)
    {
        byte[][] blocks = new byte[live][];
        ulong state = 1;
        return new Contender(Name, () =>
        {
            for (int i = 0; i < live && blocks[i] is null; i++)
            {
                blocks[i] = Rent(Allocation.Churn.Next(ref state));
            }

            for (int i = 0; i < count; i++)
            {
                ulong next = Allocation.Churn.Next(ref state);
                ref byte[] block = ref blocks[(int)(((next >> 32) * (ulong)live) >> 32)];
                ArrayPool<byte>.Shared.Return(block);
                block = Rent(next);
                block[0] = 1;
            }

            return count;
        });
    }

    private static byte[] Rent(ulong random) => ArrayPool<byte>.Shared.Rent((int)Allocation.Churn.Size(random));

    private static long RunPairs(int size, int count)
    {
        for (int i = 0; i < count; i++)
        {
            byte[] block = ArrayPool<byte>.Shared.Rent(size);
            block[0] = 1;
            ArrayPool<byte>.Shared.Return(block);
        }

        return count;
    }
}

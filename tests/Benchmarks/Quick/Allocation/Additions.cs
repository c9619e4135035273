using System.Runtime.CompilerServices;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>Work that has nothing of an allocator and no memory, which two threads share nothing for and only the machine holds up.</summary>
internal static class Additions
{
    /// <summary>Adds eight times in eight registers, so many times over: one register alone would leave most of the processor to another thread.</summary>
    /// <returns>The sums, so that none of it can be left out.</returns>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static long Run(int steps)
    {
        (long a, long b, long c, long d, long e, long f, long g, long h) = (1, 2, 3, 4, 5, 6, 7, 8);
        for (int i = 0; i < steps; i++)
        {
            a += i;
            b += i;
            c += i;
            d += i;
            e += i;
            f += i;
            g += i;
            h += i;
        }

        return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h;
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore;

/// <summary>
/// Counts the uses of one dimension: a cell per reader slot, each on a cache line pair of its own, so that counting is a plain increment that no other core waits for.
/// One shared word was rejected: it costs two threads more than the access itself. The same counts serve the statistics and the LFU policy.
/// </summary>
/// <remarks>Exact while at most <see cref="Stripes"/> threads are registered as readers at once; beyond that two threads may share a cell and lose a count when they collide.</remarks>
internal sealed class UseCounter
{
    /// <summary>Cells. A power of two.</summary>
    public const int Stripes = 32;

    private const int Stride = 16;
    private readonly long[] _cells = new long[(Stripes + 1) * Stride];

    /// <summary>The cells, for the access path, which keeps them at hand.</summary>
    public long[] Cells => _cells;

    /// <summary>Counts a use.</summary>
    /// <param name="cells">The <see cref="Cells"/> of a counter.</param>
    /// <param name="slot">Index of the calling thread's reader slot.</param>
    /// <returns>Uses counted in this thread's cell.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Increment(long[] cells, int slot)
    {
        // In bounds by the mask: every array of cells has the same length.
        ref long cell = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(cells), ((slot & (Stripes - 1)) * Stride) + Stride);
        return ++cell;
    }

    /// <summary>All uses.</summary>
    /// <param name="slots">How many reader slots there are: cells beyond it are known to be 0.</param>
    public long Sum(int slots)
    {
        long sum = 0;
        long[] cells = _cells;
        int end = (Math.Min(slots, Stripes) + 1) * Stride;
        for (int i = Stride; i < end; i += Stride)
        {
            sum += Volatile.Read(ref cells[i]);
        }

        return sum;
    }
}

using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>Highest values that several threads raise at once, without a lock.</summary>
internal static class Peak
{
    /// <summary>Raises a peak to a value, unless it is as high already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Raise(ref long peak, long value)
    {
        long highest = Volatile.Read(ref peak);
        while (value > highest)
        {
            long seen = Interlocked.CompareExchange(ref peak, value, highest);
            if (seen == highest)
            {
                return;
            }

            highest = seen;
        }
    }
}

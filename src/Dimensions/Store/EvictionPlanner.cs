namespace DimensionStore;

/// <summary>
/// Decides what leaves memory: how many bytes, and which dimensions. Pure functions of numbers, apart from the store, so that both policies can be
/// tested and measured on traces without loading a byte.
/// </summary>
internal static class EvictionPlanner
{
    /// <summary>The bytes that a request needs freed do not exist.</summary>
    public const long Impossible = -1;

    /// <summary>The least usage that counts as pressure, exactly as <see cref="Memory.PressureThresholds"/> rounds.</summary>
    public static long ThresholdBytes(long limitBytes, double thresholdPercent)
    {
        // The product and the quotient round differently; one step to either side makes up for it.
        long bytes = (long)Math.Ceiling(limitBytes * (thresholdPercent / 100));
        bytes -= Reaches(bytes - 1, limitBytes, thresholdPercent) ? 1 : 0;
        return bytes + (Reaches(bytes, limitBytes, thresholdPercent) ? 0 : 1);
    }

    /// <summary>
    /// How much must leave so that <paramref name="neededBytes"/> more can be charged. Below the threshold when that can be reached; when it cannot, because
    /// pool and immutable dimensions alone are above it, only as much as the limit demands: evicting everything at each load would help nobody.
    /// </summary>
    /// <returns>Bytes to free, 0 or more, or <see cref="Impossible"/>.</returns>
    public static long BytesToFree(long usedBytes, long neededBytes, long evictableBytes, long limitBytes, long thresholdBytes)
    {
        long after = usedBytes + neededBytes;
        long wanted = after - (thresholdBytes - 1);
        if (wanted <= 0)
        {
            return 0;
        }

        if (wanted <= evictableBytes)
        {
            return wanted;
        }

        long demanded = Math.Max(0, after - limitBytes);
        return demanded <= evictableBytes ? demanded : Impossible;
    }

    /// <summary>Picks the dimensions that leave. Reorders <paramref name="candidates"/>.</summary>
    /// <param name="policy">Who leaves first.</param>
    /// <param name="candidates">All that may leave; the victims are moved to the front.</param>
    /// <param name="bytesToFree">How much is needed.</param>
    /// <returns>How many leave; all, when even that is too little.</returns>
    public static int Choose(EvictionPolicy policy, Span<EvictionCandidate> candidates, long bytesToFree)
    {
        if (bytesToFree <= 0)
        {
            return 0;
        }

        candidates.Sort(policy == EvictionPolicy.Lfu ? CompareByFrequency : CompareByRecency);
        long freed = 0;
        int count = 0;
        while (count < candidates.Length && freed < bytesToFree)
        {
            freed += candidates[count++].SizeBytes;
        }

        // A large victim can make small ones before it unnecessary. Those stay, the most valuable first.
        for (int i = count - 1; i >= 0; i--)
        {
            if (freed - candidates[i].SizeBytes >= bytesToFree)
            {
                freed -= candidates[i].SizeBytes;
                EvictionCandidate spared = candidates[i];
                candidates[(i + 1)..count].CopyTo(candidates[i..]);
                candidates[--count] = spared;
            }
        }

        return count;
    }

    private static bool Reaches(long bytes, long limitBytes, double thresholdPercent) => bytes * 100.0 / limitBytes >= thresholdPercent;

    private static int CompareByRecency(EvictionCandidate x, EvictionCandidate y)
    {
        int order = x.LastUse.CompareTo(y.LastUse);
        order = order != 0 ? order : x.UseCount.CompareTo(y.UseCount);
        return order != 0 ? order : x.Id.CompareTo(y.Id);
    }

    private static int CompareByFrequency(EvictionCandidate x, EvictionCandidate y)
    {
        int order = x.UseCount.CompareTo(y.UseCount);
        order = order != 0 ? order : x.LastUse.CompareTo(y.LastUse);
        return order != 0 ? order : x.Id.CompareTo(y.Id);
    }
}

namespace DimensionStore.Memory;

/// <summary>
/// The number of unlabelled rooted trees with n nodes: 1, 1, 2, 4, 9, 20, 48, 115, 286, … (OEIS A000081, from n = 1).
/// Computed, not listed, by the recurrence of Otter (1948): n·a(n+1) = Σ over k = 1…n of (Σ over the divisors d of k of d·a(d)) · a(n−k+1).
/// </summary>
public static class RootedTreeSequence
{
    /// <summary>The largest n whose number fits in 64 bits.</summary>
    public const int MaxNodes = 46;

    /// <summary>The number of unlabelled rooted trees with <paramref name="nodes"/> nodes.</summary>
    /// <param name="nodes">1 to <see cref="MaxNodes"/>.</param>
    public static long Count(int nodes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(nodes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(nodes, MaxNodes);
        Span<long> trees = stackalloc long[nodes + 1];
        trees[1] = 1;
        for (int n = 1; n < nodes; n++)
        {
            // The sum is n times the result, so it needs more bits than the result.
            UInt128 sum = 0;
            for (int k = 1; k <= n; k++)
            {
                UInt128 divisors = 0;
                for (int d = 1; d <= k; d++)
                {
                    divisors += k % d == 0 ? (UInt128)d * (UInt128)trees[d] : 0;
                }

                sum += divisors * (UInt128)trees[n - k + 1];
            }

            trees[n + 1] = checked((long)(sum / (UInt128)n));
        }

        return trees[nodes];
    }
}

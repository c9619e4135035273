using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// Times in log-linear buckets: exact below 64 ns, and above that 64 buckets for every doubling, so that a percentile is at most 1/64 (1.6 %) too high.
/// The scheme is that of HdrHistogram (Gil Tene). Thread-safe; recording takes no lock and allocates nothing.
/// </summary>
/// <remarks>
/// One row of counters per processor, so that threads hardly ever meet on a cache line: 20 KiB each. A row per thread would save the interlocked addition
/// and was rejected, because it would need a place in every thread for every histogram. A sum or percentile that is taken while threads record may miss the
/// last few samples.
/// </remarks>
public sealed class LatencyHistogram
{
    private const int SubBits = 6;
    private const int SubBuckets = 1 << SubBits;

    // Up to 2^44 ns, which is almost five hours; what takes longer is counted in the last bucket.
    private const int MaxBits = 44;
    private const int BucketCount = (MaxBits - SubBits + 1) * SubBuckets;
    private const int SumIndex = BucketCount;
    private const int MaxIndex = BucketCount + 1;
    private const int RowLength = BucketCount + 16;

    private static readonly double s_nanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    private readonly long[][] _rows;

    /// <summary>Creates an empty histogram.</summary>
    public LatencyHistogram()
    {
        _rows = new long[(int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(Environment.ProcessorCount, 1, 64))][];
        for (int i = 0; i < _rows.Length; i++)
        {
            _rows[i] = new long[RowLength];
        }
    }

    /// <summary>Samples so far.</summary>
    public long Count => Collect().Count;

    /// <summary>Records a time.</summary>
    /// <param name="nanoseconds">The time; a negative one, which a clock may give that was set back, counts as 0.</param>
    public void Record(long nanoseconds)
    {
        nanoseconds = Math.Max(0, nanoseconds);
        long[] row = _rows[Thread.GetCurrentProcessorId() & (_rows.Length - 1)];
        Interlocked.Increment(ref row[IndexOf(nanoseconds)]);
        Interlocked.Add(ref row[SumIndex], nanoseconds);
        Peak.Raise(ref row[MaxIndex], nanoseconds);
    }

    /// <summary>Records the time since <paramref name="startTimestamp"/>.</summary>
    /// <param name="startTimestamp">What <see cref="Stopwatch.GetTimestamp"/> gave at the start.</param>
    public void RecordSince(long startTimestamp) => Record((long)((Stopwatch.GetTimestamp() - startTimestamp) * s_nanosecondsPerTick));

    /// <summary>The time that <paramref name="percent"/> of the samples did not exceed, in nanoseconds: an upper bound, at most 1/64 too high; 0 without samples.</summary>
    /// <param name="percent">0 to 100; 100 gives the longest time exactly.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not a percentage.</exception>
    public long GetPercentile(double percent)
    {
        if (!(percent is >= 0 and <= 100))
        {
            throw new ArgumentOutOfRangeException(nameof(percent), percent, "A percentile is from 0 to 100.");
        }

        return Collect().Percentile(percent);
    }

    /// <summary>The usual numbers, all from the same samples.</summary>
    public LatencySummary GetSummary()
    {
        Collected all = Collect();
        return new LatencySummary
        {
            SampleCount = all.Count,
            MeanNanoseconds = all.Count == 0 ? 0 : (double)all.Sum / all.Count,
            P50Nanoseconds = all.Percentile(50),
            P90Nanoseconds = all.Percentile(90),
            P99Nanoseconds = all.Percentile(99),
            P999Nanoseconds = all.Percentile(99.9),
            P9999Nanoseconds = all.Percentile(99.99),
            MaxNanoseconds = all.Max,
        };
    }

    /// <summary>The buckets that are not empty, in ascending order.</summary>
    public IReadOnlyList<LatencyBucket> GetBuckets()
    {
        Collected all = Collect();
        List<LatencyBucket> buckets = [];
        for (int i = 0; i < BucketCount; i++)
        {
            if (all.Counts[i] > 0)
            {
                buckets.Add(new LatencyBucket(LowestIn(i), i == BucketCount - 1 ? Math.Max(all.Max, HighestIn(i)) : HighestIn(i), all.Counts[i]));
            }
        }

        return buckets;
    }

    /// <summary>Adds the samples of another histogram, which stays as it is.</summary>
    public void Add(LatencyHistogram other)
    {
        ArgumentNullException.ThrowIfNull(other);
        Collected all = other.Collect();
        long[] row = _rows[0];
        for (int i = 0; i < BucketCount; i++)
        {
            Interlocked.Add(ref row[i], all.Counts[i]);
        }

        Interlocked.Add(ref row[SumIndex], all.Sum);
        Peak.Raise(ref row[MaxIndex], all.Max);
    }

    /// <summary>Forgets all samples. Samples that are recorded meanwhile may be kept or lost.</summary>
    public void Clear()
    {
        foreach (long[] row in _rows)
        {
            Array.Clear(row);
        }
    }

    /// <summary>Below 64 a bucket per value; above, the six bits behind the leading one choose the bucket within their power of two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int IndexOf(long value)
    {
        int shift = BitOperations.Log2((ulong)value | (SubBuckets - 1)) - SubBits + 1;
        return shift > MaxBits - SubBits ? BucketCount - 1 : shift <= 0 ? (int)value : (shift * SubBuckets) + (int)((value >> (shift - 1)) - SubBuckets);
    }

    private static long LowestIn(int index)
    {
        int shift = index / SubBuckets;
        return shift == 0 ? index : (long)(SubBuckets + (index % SubBuckets)) << (shift - 1);
    }

    private static long HighestIn(int index) => index < SubBuckets ? index : LowestIn(index) + (1L << ((index / SubBuckets) - 1)) - 1;

    private Collected Collect()
    {
        long[] counts = new long[BucketCount];
        long count = 0;
        long sum = 0;
        long max = 0;
        foreach (long[] row in _rows)
        {
            for (int i = 0; i < counts.Length; i++)
            {
                counts[i] += Volatile.Read(ref row[i]);
            }

            sum += Volatile.Read(ref row[SumIndex]);
            max = Math.Max(max, Volatile.Read(ref row[MaxIndex]));
        }

        foreach (long bucket in counts)
        {
            count += bucket;
        }

        return new Collected(counts, count, sum, max);
    }

    private readonly record struct Collected(long[] Counts, long Count, long Sum, long Max)
    {
        internal long Percentile(double percent)
        {
            if (Count == 0 || percent >= 100)
            {
                return Max;
            }

            // The sample of this rank, counted from 1: the smallest that at least so many percent do not exceed.
            long rank = Math.Clamp((long)Math.Ceiling(percent / 100 * Count), 1, Count);
            long seen = 0;
            for (int i = 0; i < BucketCount - 1; i++)
            {
                seen += Counts[i];
                if (seen >= rank)
                {
                    return Math.Min(HighestIn(i), Max);
                }
            }

            return Max;
        }
    }
}

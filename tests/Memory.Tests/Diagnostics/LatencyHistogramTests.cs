using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Diagnostics;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Percentiles_are_at_most_a_64th_above_those_of_the_sorted_samples()
        => Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Arb.From(Samples()), samples =>
        {
            LatencyHistogram histogram = new();
            foreach (long sample in samples)
            {
                histogram.Record(sample);
            }

            long[] sorted = [.. samples.Order()];
            foreach (double percent in (double[])[0, 1, 50, 90, 99, 99.9, 99.99, 100])
            {
                long exact = sorted[(int)Math.Clamp(Math.Ceiling(percent / 100 * sorted.Length), 1, sorted.Length) - 1];
                Assert.InRange(histogram.GetPercentile(percent), exact, exact + (exact / 64));
            }

            LatencySummary summary = histogram.GetSummary();
            Assert.Equal((samples.Length, sorted[^1]), (summary.SampleCount, summary.MaxNanoseconds));
            Assert.Equal(samples.Average(), summary.MeanNanoseconds, summary.MeanNanoseconds * 1e-9);
        }));

    [Fact]
    public void Buckets_ascend_and_each_sample_lies_in_its_bucket()
    {
        LatencyHistogram histogram = new();
        long previousEnd = -1;
        for (int bits = 0; bits < 43; bits++)
        {
            foreach (long sample in (long[])[(1L << bits) - 1, 1L << bits, (1L << bits) + 1, (1L << bits) + (1L << bits >> 1)])
            {
                histogram.Clear();
                histogram.Record(sample);
                LatencyBucket bucket = Assert.Single(histogram.GetBuckets());
                Assert.InRange(sample, bucket.FromNanoseconds, bucket.ToNanoseconds);
            }
        }

        histogram.Clear();
        for (long sample = 0; sample < 5000; sample++)
        {
            histogram.Record(sample);
        }

        foreach (LatencyBucket bucket in histogram.GetBuckets())
        {
            Assert.Equal(previousEnd + 1, bucket.FromNanoseconds);
            previousEnd = bucket.ToNanoseconds;
        }
    }

    [Fact]
    public void Absurd_times_are_kept_in_the_first_and_last_bucket()
    {
        LatencyHistogram histogram = new();
        histogram.Record(-5);
        histogram.Record(long.MaxValue);
        Assert.Equal(0, histogram.GetPercentile(50));
        Assert.Equal(long.MaxValue, histogram.GetPercentile(100));
        Assert.Equal(long.MaxValue, histogram.GetBuckets()[^1].ToNanoseconds);
        Assert.Throws<ArgumentOutOfRangeException>(() => histogram.GetPercentile(100.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => histogram.GetPercentile(double.NaN));
    }

    [Fact]
    public void An_empty_histogram_says_zero() => Assert.Equal(default, new LatencyHistogram().GetSummary());

    [Fact]
    public void No_sample_is_lost_when_threads_record_together()
    {
        LatencyHistogram histogram = new();
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(t => new Thread(() =>
        {
            for (int i = 0; i < 10_000; i++)
            {
                histogram.Record((t * 1000) + (i % 7));
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal((40_000, 3006), (histogram.Count, histogram.GetPercentile(100)));

        LatencyHistogram both = new();
        both.Record(1);
        both.Add(histogram);
        Assert.Equal((40_001, 3006), (both.Count, both.GetPercentile(100)));
    }

    [Fact]
    public void Recording_allocates_nothing()
    {
        LatencyHistogram histogram = new();
        histogram.Record(1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            histogram.Record(i * 977);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static Gen<long[]> Samples()
    {
        Gen<long> sample =
            from bits in Gen.Choose(0, 30)
            from low in Gen.Choose(0, int.MaxValue - 1)
            select (1L << bits) + (low & ((1L << bits) - 1)) - 1;
        return from length in Gen.Choose(1, 500)
               from samples in sample.ArrayOf(length)
               select samples;
    }
}

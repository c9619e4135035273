using System.Diagnostics;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>What each call took in each of several identical runs.</summary>
internal sealed class CallTimes(int runs, int calls)
{
    private static readonly double s_nanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    private readonly int[][] _ticks = [.. Enumerable.Range(0, runs).Select(_ => new int[calls])];

    /// <summary>Nanoseconds, of the medians of the calls.</summary>
    public double MeanOfMedians => Medians().GetSummary().MeanNanoseconds;

    /// <summary>The ticks of the calls of a run, to be written there.</summary>
    public int[] Of(int run) => _ticks[run];

    /// <summary>Nanoseconds: of each call the median of the runs counts.</summary>
    public double PercentileOfMedians(double percent) => Medians().GetPercentile(percent);

    /// <summary>Nanoseconds: the median of the runs' own percentiles, since another program's time slice in one of them says nothing about the allocator.</summary>
    public double PercentileInOneRun(double percent) => Race.Median([.. _ticks.Select(run => (double)Histogram(run).GetPercentile(percent))]);

    private static LatencyHistogram Histogram(IEnumerable<int> ticks)
    {
        LatencyHistogram histogram = new();
        foreach (int time in ticks)
        {
            histogram.Record((long)(time * s_nanosecondsPerTick));
        }

        return histogram;
    }

    private LatencyHistogram Medians()
    {
        int[] ofOneCall = new int[_ticks.Length];
        return Histogram(Enumerable.Range(0, _ticks[0].Length).Select(call =>
        {
            for (int run = 0; run < ofOneCall.Length; run++)
            {
                ofOneCall[run] = _ticks[run][call];
            }

            Array.Sort(ofOneCall);
            return ofOneCall[ofOneCall.Length / 2];
        }));
    }
}

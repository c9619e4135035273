using System.Diagnostics;

namespace DimensionStore.Benchmarks.Quick;

/// <summary>
/// Runs contenders in turn, round by round, so that a change of the machine's speed hits all of them alike; the median of the rounds counts.
/// </summary>
internal static class Race
{
    // What a batch on two threads took from where both had begun to where both had ended; 0 after any other. The start of a thread is no part of what is measured.
    private static long s_ticksOnTwoThreads;

    /// <summary>Measures all contenders of a group.</summary>
    public static List<Measurement> Run(string group, int rounds, params IEnumerable<Contender> contenders) => Run(group, rounds, isWarm: false, contenders);

    /// <summary>
    /// Measures all contenders of a group, each right after a batch of its own that is not timed. For what lives in the processor's caches: a batch
    /// would otherwise be fast after one that read the same data, and slow after one that read something else.
    /// </summary>
    public static List<Measurement> RunWarm(string group, int rounds, params IEnumerable<Contender> contenders) => Run(group, rounds, isWarm: true, contenders);

    private static List<Measurement> Run(string group, int rounds, bool isWarm, IEnumerable<Contender> contenders)
    {
        Contender[] all = [.. contenders];
        double[][] times = [.. all.Select(_ => new double[rounds])];
        double[] bytes = new double[all.Length];

        // Tier-1 code needs some hundred calls and a pause of the background compiler; two warm rounds give both.
        for (int warm = 0; warm < 3; warm++)
        {
            foreach (Contender contender in all)
            {
                contender.RunBatch();
            }

            Thread.Sleep(120);
        }

        // A new order each round: whoever runs behind a peer that sweeps the caches with its own files starts with less in them, so nobody may always do.
        int[] order = [.. Enumerable.Range(0, all.Length)];
        Random random = new(1);
        for (int round = 0; round < rounds; round++)
        {
            random.Shuffle(order);
            foreach (int i in order)
            {
                for (int warm = 0; isWarm && warm < 2; warm++)
                {
                    all[i].RunBatch();
                }

                long allocated = GC.GetAllocatedBytesForCurrentThread();
                s_ticksOnTwoThreads = 0;
                long start = Stopwatch.GetTimestamp();
                long operations = all[i].RunBatch();
                long elapsed = Stopwatch.GetTimestamp() - start;
                elapsed = s_ticksOnTwoThreads == 0 ? elapsed : s_ticksOnTwoThreads;
                bytes[i] = (GC.GetAllocatedBytesForCurrentThread() - allocated) / (double)operations;
                times[i][round] = elapsed * 1e9 / Stopwatch.Frequency / operations;
            }
        }

        return [.. all.Select((c, i) => new Measurement(group, c.Name, Median(times[i]), "ns", bytes[i], c.IsOurs))];
    }

    /// <summary>The middle value.</summary>
    public static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>Runs the same body on two threads at once.</summary>
    /// <returns>The operations of both together.</returns>
    public static long OnTwoThreads(Func<long> body) => OnTwoThreads(body, body);

    /// <summary>Runs two bodies at once, each on a thread.</summary>
    /// <returns>The operations of both together.</returns>
    public static long OnTwoThreads(Func<long> mine, Func<long> other)
    {
        long second = 0;
        long otherBegin = 0;
        long otherEnd = 0;
        int ready = 0;
        Thread thread = new(() =>
        {
            Meet(ref ready);
            otherBegin = Stopwatch.GetTimestamp();
            second = other();
            otherEnd = Stopwatch.GetTimestamp();
        });
        thread.Start();
        Meet(ref ready);
        long begin = Stopwatch.GetTimestamp();
        long first = mine();
        long end = Stopwatch.GetTimestamp();
        thread.Join();
        s_ticksOnTwoThreads = Math.Max(end, otherEnd) - Math.Min(begin, otherBegin);
        return first + second;
    }

    // By spinning: to be woken takes as long as ten thousand pairs.
    private static void Meet(ref int ready)
    {
        Interlocked.Increment(ref ready);
        SpinWait wait = default;
        while (Volatile.Read(ref ready) < 2)
        {
            wait.SpinOnce(sleep1Threshold: -1);
        }
    }
}

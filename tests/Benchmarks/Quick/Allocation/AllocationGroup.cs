namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>Every allocator against the system's, mimalloc, jemalloc and <c>ArrayPool</c>: the cases of which real programs are made.</summary>
internal static class AllocationGroup
{
    private const int Rounds = 3;
    private const long Capacity = 1L << 30;
    private const int PairCount = 200_000;

    // The second thread is a new one each time; what its first allocations cost must not count.
    private const int PairCountOnTwoThreads = 1_000_000;
    private const int BatchRounds = 60;
    private const int ChurnCount = 100_000;

    public static IEnumerable<Measurement> Run() => [.. Pairs(), .. Batches(), .. Churns(), .. Threads()];

    private static IEnumerable<Measurement> Pairs()
    {
        // A reservation each takes a thousand times as long as a block, and would take most of the run.
        using Rivals rivals = new(Capacity, "large");
        List<Measurement> all = [];
        foreach (int size in new[] { 64, 1024, 16_384 })
        {
            all.AddRange(Race.Run($"allocate and free {size:N0} B", Rounds, [.. rivals.Enter(new Pairs((nuint)size, PairCount)), ArrayPoolRival.Pairs(size, PairCount)]));
        }

        return all;
    }

    // Two loops that share nothing at all: where these are not twice as fast as one, neither is anything else.
    private static IEnumerable<Contender> TheMachine()
    {
        yield return new Contender("nothing but additions, one thread: the machine", SixtyFourEach);
        yield return new Contender("nothing but additions, two threads: the machine", () => Race.OnTwoThreads(SixtyFourEach));

        static long SixtyFourEach()
        {
            Additions.Run(8 * PairCountOnTwoThreads);
            return PairCountOnTwoThreads;
        }
    }

    private static IEnumerable<Measurement> Batches()
    {
        using Rivals rivals = new(Capacity, "large");
        List<Measurement> all = [];
        foreach (int size in new[] { 64, 1024, 16_384 })
        {
            int rounds = size > 1024 ? BatchRounds / 10 : BatchRounds;
            all.AddRange(Race.Run($"allocate 1,000 of {size:N0} B, then free them", Rounds, [.. rivals.Enter(new Batches((nuint)size, rounds)), ArrayPoolRival.Batches(size, rounds)]));
        }

        return all;
    }

    private static IEnumerable<Measurement> Churns()
    {
        List<Measurement> all = [];
        foreach (int live in new[] { 1000, 100_000 })
        {
            // What gives every block at least a page would need gigabytes for figures that say nothing new.
            using Rivals rivals = new(Capacity, "dual", "large");
            all.AddRange(Race.Run(
                $"replace one of {live:N0} live blocks of 16 B to 4 KB",
                Rounds,
                [.. rivals.Enter(new Churn(live, ChurnCount)), ArrayPoolRival.Churn(live, ChurnCount)]));
        }

        return all;
    }

    private static IEnumerable<Measurement> Threads()
    {
        using Rivals rivals = new(Capacity, "dual", "large");

        // Without those that have one lock and would take most of the time.
        using Rivals quick = new(Capacity, "dual", "large", "buddy", "zone", "tree");
        return
        [
            .. Race.Run("allocate and free 64 B, two threads", Rounds, [.. quick.Enter(new Pairs(64, PairCountOnTwoThreads, twoThreads: true), threads: 2), ArrayPoolRival.Pairs(64, PairCountOnTwoThreads, twoThreads: true), .. TheMachine()]),
            .. Race.Run("replace one of 2 x 50,000 live blocks, two threads", Rounds, rivals.Enter(new Churn(50_000, ChurnCount, twoThreads: true), threads: 2)),
            .. Race.Run("one thread allocates 64 B, another frees", Rounds, quick.Enter(new ProducerConsumer(64, PairCount), threads: 2)),
            .. Race.Run("two threads swap blocks of 16 B to 4 KB", Rounds, rivals.Enter(new Swap(1024, ChurnCount), threads: 2)),
        ];
    }
}

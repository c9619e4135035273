using DimensionStore.Benchmarks.Peers;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>
/// How long the slowest of ten thousand calls takes with 100,000 live blocks, twice: in a single run, and of each call the median of as many identical runs. A single run tells what a program
/// sees here, stops of its thread by the machine included, which hit whoever takes longer more often. A stop does not come at the same call in three of five runs, and what an allocator
/// itself does at a call, such as to fetch more memory, comes in all five. The clock, some 25 ns, is in both.
/// </summary>
/// <remarks>
/// How much is the machine's, calls tell that are timed likewise and have nothing of an allocator: reads of a block, and additions that take as long as the slowest allocator's calls do on
/// average. The C library's heap, mimalloc's and jemalloc's cannot be made anew for each run: their runs begin with the same blocks freed, and are not quite identical.
/// </remarks>
internal static class LatencyGroup
{
    private const int Live = LatencyRuns.Live;
    private const double Percent = 99.99;

    public static IEnumerable<Measurement> Run()
    {
        List<Measurement>[] lists = [[], [], [], []];
        double slowestAllocate = 0;
        double slowestFree = 0;
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            LatencyRuns runs = new();
            try
            {
                for (int i = 0; i < LatencyRuns.Count; i++)
                {
                    // Room for a block of 16 KiB each, the smallest that one of them makes above 128 bytes.
                    using MemoryAllocator allocator = kind.Create(new AllocatorSettings { CapacityBytes = 4L << 30 });
                    ReplayTargets.Dispatch(allocator, runs);
                }
            }
            catch (Exception failure) when (failure is MemoryToolkitException or ArgumentException)
            {
                Console.WriteLine($"{kind.Name} is left out: {failure.Message}");
                continue;
            }

            Add(kind.Name, runs, isOurs: true);
            slowestAllocate = Math.Max(slowestAllocate, runs.Allocations.MeanOfMedians);
            slowestFree = Math.Max(slowestFree, runs.Frees.MeanOfMedians);
        }

        nint region = default(NativeTarget).AllocateZeroed(ReadsTarget.Bytes);
        Add("nothing but a read of the block: the machine", Repeat(new ReadsTarget(region, bothEnds: false)), isOurs: false);
        Add("nothing but reads of both ends of 16 KiB: the machine", Repeat(new ReadsTarget(region, bothEnds: true)), isOurs: false);
        default(NativeTarget).Free(region);
        AdditionsTarget additions = AdditionsTarget.For(slowestAllocate, slowestFree);
        Add($"nothing but additions for {slowestAllocate:N0} and {slowestFree:N0} ns: the machine", Repeat(additions), isOurs: false);
        Add("NativeMemory", Repeat(default(NativeTarget)), isOurs: false);
        if (NativeHeap.Mimalloc is { } mimalloc)
        {
            Add("mimalloc, called directly", Repeat(mimalloc), isOurs: false);
        }

        if (NativeHeap.Jemalloc is { } jemalloc)
        {
            Add("jemalloc, called directly", Repeat(jemalloc), isOurs: false);
        }

        return lists.SelectMany(l => l);

        void Add(string name, LatencyRuns runs, bool isOurs)
        {
            string with = $"{Percent} % with {Live:N0} live blocks";
            string identical = $"each call the median of {LatencyRuns.Count} identical runs";
            lists[0].Add(new Measurement($"allocate, {with} (at most 10 us), {identical}", name, runs.Allocations.PercentileOfMedians(Percent), "ns", runs.ManagedBytes, isOurs));
            lists[1].Add(new Measurement($"free, {with} (at most 5 us), {identical}", name, runs.Frees.PercentileOfMedians(Percent), "ns", runs.ManagedBytes, isOurs));
            lists[2].Add(new Measurement($"allocate, {with}, in a single run", name, runs.Allocations.PercentileInOneRun(Percent), "ns", runs.ManagedBytes, isOurs));
            lists[3].Add(new Measurement($"free, {with}, in a single run", name, runs.Frees.PercentileInOneRun(Percent), "ns", runs.ManagedBytes, isOurs));
        }
    }

    private static LatencyRuns Repeat<T>(T target)
        where T : struct, IReplayTarget
    {
        LatencyRuns runs = new();
        for (int i = 0; i < LatencyRuns.Count; i++)
        {
            runs.Visit(target);
        }

        return runs;
    }
}

using System.Diagnostics;
using System.Runtime.CompilerServices;
using DimensionStore.Benchmarks.Peers;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>
/// How long the slowest of ten thousand calls takes with 100,000 live blocks. The clock itself is in it, some 25 ns, and whatever else the machine does. How much that is,
/// calls tell that are timed likewise and have nothing of an allocator: reads of a block, and additions that take as long as the slowest allocator's calls do on average.
/// A machine that stops a thread now and then stops whoever takes longer more often.
/// </summary>
internal static class LatencyGroup
{
    private const int Live = 100_000;
    private const int Warm = 50_000;
    private const int WarmRounds = 3;
    private const int Count = 100_000;
    private const int Runs = 3;
    private const double Percent = 99.99;

    public static IEnumerable<Measurement> Run()
    {
        List<Measurement> allocate = [];
        List<Measurement> free = [];
        double slowestAllocate = 0;
        double slowestFree = 0;
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            // Room for a block of 16 KiB each, the smallest that one of them makes above 128 bytes.
            using MemoryAllocator allocator = kind.Create(new AllocatorSettings { CapacityBytes = 4L << 30 });
            try
            {
                Add(kind.Name, ReplayTargets.Dispatch(allocator, new Calls()), isOurs: true);
            }
            catch (Exception failure) when (failure is MemoryToolkitException or ArgumentException)
            {
                Console.WriteLine($"{kind.Name} is left out: {failure.Message}");
            }
        }

        nint region = default(NativeTarget).AllocateZeroed(ReadsTarget.Bytes);
        Add("nothing but a read of the block: the machine", new Calls().Visit(new ReadsTarget(region, bothEnds: false)), isOurs: false);
        Add("nothing but reads of both ends of 16 KiB: the machine", new Calls().Visit(new ReadsTarget(region, bothEnds: true)), isOurs: false);
        default(NativeTarget).Free(region);
        AdditionsTarget additions = AdditionsTarget.For(slowestAllocate, slowestFree);
        Add($"nothing but additions for {slowestAllocate:N0} and {slowestFree:N0} ns: the machine", new Calls().Visit(additions), isOurs: false);
        Add("NativeMemory", new Calls().Visit(default(NativeTarget)), isOurs: false);
        if (NativeHeap.Mimalloc is { } mimalloc)
        {
            Add("mimalloc, called directly", new Calls().Visit(mimalloc), isOurs: false);
        }

        if (NativeHeap.Jemalloc is { } jemalloc)
        {
            Add("jemalloc, called directly", new Calls().Visit(jemalloc), isOurs: false);
        }

        return [.. allocate, .. free];

        void Add(string name, Latencies latencies, bool isOurs)
        {
            allocate.Add(new Measurement($"allocate, {Percent} % with {Live:N0} live blocks (at most 10 us)", name, latencies.Allocate, "ns", latencies.ManagedBytes, isOurs));
            free.Add(new Measurement($"free, {Percent} % with {Live:N0} live blocks (at most 5 us)", name, latencies.Free, "ns", latencies.ManagedBytes, isOurs));
            slowestAllocate = isOurs ? Math.Max(slowestAllocate, latencies.MeanAllocate) : slowestAllocate;
            slowestFree = isOurs ? Math.Max(slowestFree, latencies.MeanFree) : slowestFree;
        }
    }

    /// <param name="Allocate">Nanoseconds; the median of the runs, since another program's time slice in one of them says nothing about the allocator.</param>
    /// <param name="Free">Likewise.</param>
    /// <param name="MeanAllocate">Nanoseconds, in the middle one of the runs by mean.</param>
    /// <param name="MeanFree">Likewise.</param>
    /// <param name="ManagedBytes">Per call.</param>
    private sealed record Latencies(double Allocate, double Free, double MeanAllocate, double MeanFree, double ManagedBytes);

    private sealed class Calls : IReplayTargetVisitor<Latencies>
    {
        public unsafe Latencies Visit<T>(T target)
            where T : struct, IReplayTarget
        {
            target.Settle();
            nint[] blocks = new nint[Live];
            ulong state = 1;
            for (int i = 0; i < Live; i++)
            {
                blocks[i] = target.Allocate(Churn.Size(Churn.Next(ref state)));
                *(byte*)blocks[i] = 1;
            }

            LatencyHistogram allocate = new();
            LatencyHistogram free = new();

            // Tier-1 code needs some hundred calls and a pause of the background compiler: else the first run is of code that no program runs for long.
            for (int warm = 0; warm < WarmRounds; warm++)
            {
                Replace(target, blocks, ref state, allocate, free, Warm);
                Thread.Sleep(120);
            }

            double[] allocateTimes = new double[Runs];
            double[] freeTimes = new double[Runs];
            double[] allocateMeans = new double[Runs];
            double[] freeMeans = new double[Runs];
            long managed = 0;
            for (int run = 0; run < Runs; run++)
            {
                allocate.Clear();
                free.Clear();
                long before = GC.GetAllocatedBytesForCurrentThread();
                Replace(target, blocks, ref state, allocate, free, Count);
                managed += GC.GetAllocatedBytesForCurrentThread() - before;
                allocateTimes[run] = allocate.GetPercentile(Percent);
                freeTimes[run] = free.GetPercentile(Percent);
                allocateMeans[run] = allocate.GetSummary().MeanNanoseconds;
                freeMeans[run] = free.GetSummary().MeanNanoseconds;
            }

            foreach (nint block in blocks)
            {
                target.Free(block);
            }

            return new Latencies(Race.Median(allocateTimes), Race.Median(freeTimes), Race.Median(allocateMeans), Race.Median(freeMeans), managed / (2.0 * Runs * Count));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static unsafe void Replace<T>(T target, nint[] blocks, ref ulong state, LatencyHistogram allocate, LatencyHistogram free, int count)
            where T : struct, IReplayTarget
        {
            for (int i = 0; i < count; i++)
            {
                ulong next = Churn.Next(ref state);
                ref nint block = ref blocks[(int)(((next >> 32) * Live) >> 32)];

                // Read here and not while the clock runs, which waits for it: a program that frees a block has its address in hand.
                nint old = Volatile.Read(ref block);
                long begin = Stopwatch.GetTimestamp();
                target.Free(old);
                free.RecordSince(begin);
                begin = Stopwatch.GetTimestamp();
                block = target.Allocate(Churn.Size(next));
                allocate.RecordSince(begin);
                *(byte*)block = 1;
            }
        }
    }
}

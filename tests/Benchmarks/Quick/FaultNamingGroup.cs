using System.Diagnostics;
using System.Runtime.CompilerServices;
using DimensionStore.Benchmarks.Quick.Allocation;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick;

/// <summary>
/// What the default diagnostics cost: the slab allocator's own free, as it is, against the same source compiled without finding double, foreign and interior frees.
/// Both free blocks of one allocator, so that neither has the better place in memory, and run in turns; the price is the median of the differences of neighbours, which the
/// machine's own ups and downs hit alike.
/// </summary>
internal static class FaultNamingGroup
{
    private const int Rounds = 501;
    private const int WarmRounds = 200;
    private const int PairCount = 4_000;
    private const int BatchRounds = 4;
    private const int Live = 100_000;
    private const int ChurnCount = 4_000;

    public static IEnumerable<Measurement> Run()
    {
        using SlabAllocator allocator = new(1L << 30);
        return
        [
            .. Compare("allocate and free 64 B", new Target<FaultsNamed>(allocator), new Target<FaultsUnseen>(allocator), static () => new Pairs(64, PairCount)),
            .. Compare("allocate and free 64 B by ThreadHeap", new HeapTarget<FaultsNamed>(allocator), new HeapTarget<FaultsUnseen>(allocator), static () => new Pairs(64, PairCount)),
            .. Compare("allocate 1,000 of 64 B, then free them", new Target<FaultsNamed>(allocator), new Target<FaultsUnseen>(allocator), static () => new Batches(64, BatchRounds)),
            .. Compare("allocate 1,000 of 64 B by ThreadHeap, then free them", new HeapTarget<FaultsNamed>(allocator), new HeapTarget<FaultsUnseen>(allocator), static () => new Batches(64, BatchRounds)),
            .. CompareChurn(),
        ];
    }

    private static List<Measurement> CompareChurn()
    {
        using SlabAllocator allocator = new(1L << 30);
        nint[] blocks = new nint[Live];
        return Compare($"replace one of {Live:N0} live blocks of 16 B to 4 KB", new Target<FaultsNamed>(allocator), new Target<FaultsUnseen>(allocator), () => new Churn(Live, ChurnCount, shared: blocks));
    }

    private static List<Measurement> Compare<TNamed, TUnseen>(string work, TNamed withFaults, TUnseen withoutFaults, Func<IReplayTargetVisitor<Func<long>>> create)
        where TNamed : struct, IReplayTarget
        where TUnseen : struct, IReplayTarget
    {
        Func<long> named = create().Visit(withFaults);
        Func<long> unseen = create().Visit(withoutFaults);
        for (int i = 0; i < WarmRounds; i++)
        {
            named();
            unseen();
            Thread.Sleep(i % 50 == 0 ? 60 : 0);
        }

        double[][] times = [new double[Rounds], new double[Rounds], new double[Rounds]];
        for (int i = 0; i < Rounds; i++)
        {
            // Who goes first changes: the second finds the caches warmer.
            (times[0][i], times[1][i]) = i % 2 == 0 ? (Time(named), Time(unseen)) : Swapped(Time(unseen), Time(named));
            times[2][i] = times[0][i] - times[1][i];
        }

        string group = $"the price of the default diagnostics: {work}";
        return
        [
            new Measurement(group, "default: double, foreign and interior free named", Race.Median(times[0]), "ns", 0, IsOurs: true),
            new Measurement(group, "control without them: a wrong free would destroy the heap", Race.Median(times[1]), "ns", 0, IsOurs: false),
            new Measurement(group, "price: median difference of neighbours", Race.Median(times[2]), "ns", 0, IsOurs: true),
        ];
    }

    private static (double First, double Second) Swapped(double second, double first) => (first, second);

    private static double Time(Func<long> batch)
    {
        long start = Stopwatch.GetTimestamp();
        long operations = batch();
        return (Stopwatch.GetTimestamp() - start) * 1e9 / Stopwatch.Frequency / operations;
    }

    private readonly struct Target<TFaults>(SlabAllocator allocator) : IReplayTarget
        where TFaults : struct, IFreeFaults
    {
        public void Settle()
        {
        }

        public nint Allocate(nuint size) => allocator.Allocate(size);

        public nint AllocateZeroed(nuint size) => allocator.Allocate(size, MemoryAllocator.DefaultAlignment, AllocationOptions.Zeroed);

        public nint AllocateAligned(nuint size, nuint alignment) => allocator.Allocate(size, alignment);

        public nint Reallocate(nint address, nuint size) => allocator.Reallocate(address, size);

        // Into the loop, like the product's own free where the class is known.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Free(nint address) => allocator.FreeBy<TFaults>(address);
    }

    private unsafe struct HeapTarget<TFaults>(SlabAllocator allocator) : IReplayTarget
        where TFaults : struct, IFreeFaults
    {
        private SlabHeap* _heap;
        private long _id;

        private readonly ThreadHeap Heap => new(allocator, _heap, _id);

        public void Settle()
        {
            _heap = allocator.HeapOfThisThread();
            _id = allocator.Id;
        }

        public readonly nint Allocate(nuint size) => Heap.Allocate(size);

        public readonly nint AllocateZeroed(nuint size) => Heap.AllocateZeroed(size);

        public readonly nint AllocateAligned(nuint size, nuint alignment) => allocator.Allocate(size, alignment);

        public readonly nint Reallocate(nint address, nuint size) => Heap.Reallocate(address, size);

        public readonly void Free(nint address) => Heap.FreeBy<TFaults>(address);
    }
}

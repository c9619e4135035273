using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>What is lost: free bytes pinned between live ones after a long churn, bookkeeping, and memory that does not go back after a peak.</summary>
internal static class FragmentationGroup
{
    private const int Live = 50_000;
    private const int Phases = 5;
    private const int PhaseCount = 100_000;
    private const int Lasting = 20_000;
    private const int Passing = 80_000;

    public static IEnumerable<Measurement> Run()
    {
        List<Measurement> steady = [];
        List<Measurement> shifting = [];
        List<Measurement> metadata = [];
        List<Measurement> resident = [];
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            try
            {
                (AllocatorStatistics churned, double managed) = Churned(kind, shifts: false);
                steady.Add(Percent("external fragmentation after churn (below 10 %, zones 15 %)", kind, churned.ExternalFragmentation, managed));
                metadata.Add(Percent("bookkeeping over live bytes after churn (below 5 %)", kind, churned.MetadataOverhead, managed));
                (AllocatorStatistics shifted, managed) = Churned(kind, shifts: true);
                shifting.Add(Percent("the same when the sizes change five times meanwhile", kind, shifted.ExternalFragmentation, managed));
                if (AfterPeak(kind) is { } above)
                {
                    resident.Add(Percent("resident above live bytes after a peak and Trim (within 10 %)", kind, above, 0));
                }
            }
            catch (Exception failure) when (failure is MemoryToolkitException or ArgumentException)
            {
                Console.WriteLine($"{kind.Name} is left out: {failure.Message}");
            }
        }

        return [.. steady, .. shifting, .. metadata, .. resident];
    }

    private static Measurement Percent(string group, AllocatorKind kind, double part, double managed) => new(group, kind.Name, part * 100, "%", managed, IsOurs: true);

    private static MemoryAllocator Create(AllocatorKind kind) => kind.Create(new AllocatorSettings { CapacityBytes = 4L << 30 });

    /// <summary>Replaces blocks at random; where the sizes shift, with others in each phase, so that what one phase leaves does not fit the next.</summary>
    private static (AllocatorStatistics Statistics, double ManagedBytes) Churned(AllocatorKind kind, bool shifts)
    {
        using MemoryAllocator allocator = Create(kind);
        nint[] blocks = new nint[Live];
        ulong state = 1;
        for (int i = 0; i < Live; i++)
        {
            blocks[i] = allocator.Allocate(Size(0, Churn.Next(ref state)));
        }

        long managed = GC.GetAllocatedBytesForCurrentThread();
        for (int phase = 0; phase < Phases; phase++)
        {
            for (int i = 0; i < PhaseCount; i++)
            {
                ulong next = Churn.Next(ref state);
                ref nint block = ref blocks[(int)(((next >> 32) * Live) >> 32)];
                allocator.Free(block);
                block = allocator.Allocate(Size(shifts ? phase : 0, next));
            }
        }

        managed = GC.GetAllocatedBytesForCurrentThread() - managed;
        return (allocator.GetStatistics(), managed / (2.0 * Phases * PhaseCount));
    }

    /// <summary>Up to 4 KB, 1 KB, 256 B, 1 KB, 4 KB.</summary>
    private static nuint Size(int phase, ulong random) => Math.Max(16, Churn.Size(random) >> (phase switch { 1 or 3 => 2, 2 => 4, _ => 0 }));

    /// <summary>Blocks that last, four times as many that pass between and behind them, then <c>Trim</c>.</summary>
    private static unsafe double? AfterPeak(AllocatorKind kind)
    {
        using MemoryAllocator allocator = Create(kind);
        nint[] lasting = new nint[Lasting];
        nint[] passing = new nint[Passing];
        ulong state = 1;
        Fill(lasting);
        Fill(passing);
        foreach (nint block in passing)
        {
            allocator.Free(block);
        }

        allocator.Trim();
        (AllocatorStatistics statistics, long? bytes) = TraceReplayer.Measure(allocator);
        return bytes is { } resident ? Math.Max(0, ((double)resident / statistics.LiveBytes) - 1) : null;

        void Fill(nint[] blocks)
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                ulong next = Churn.Next(ref state);
                nuint size = Churn.Size(next);
                blocks[i] = allocator.Allocate(size);
                new Span<byte>((void*)blocks[i], (int)size).Fill(1);
            }
        }
    }
}

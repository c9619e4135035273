using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>Recorded programs through every allocator and its peers.</summary>
internal static class TraceGroup
{
    private const int Rounds = 3;

    /// <param name="folder">Where the traces are, named <c>*.altrace</c> or <c>*.altrace.gz</c>.</param>
    public static IEnumerable<Measurement> Run(string folder)
    {
        List<Measurement> all = [];
        foreach (string path in Directory.EnumerateFiles(folder).Where(path => path.Contains(".altrace", StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal))
        {
            AllocationTrace trace = AllocationTrace.Load(path);
            using Rivals rivals = new(TraceReplayer.SuggestCapacity(trace), "large");
            TraceReplay workload = new(trace);
            all.AddRange(Race.RunWarm($"replay {Path.GetFileName(path)}", Rounds, rivals.Enter(workload, trace.ThreadCount)));
            workload.Dispose();
        }

        return all;
    }
}

using System.Diagnostics.Metrics;

namespace DimensionStore.Memory;

/// <summary>
/// Shows every registered allocator (<see cref="AllocatorRegistry"/>) as instruments of the meter <see cref="MeterName"/>, for <c>dotnet-counters</c> and
/// OpenTelemetry. Every instrument is observed, none is pushed, so it costs nothing until somebody listens. One per process is enough. Thread-safe.
/// </summary>
/// <remarks>Listeners look from threads of their own, so only allocators that are thread-safe are shown.</remarks>
public sealed class AllocatorMeter : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "DimensionStore.Memory";

    /// <summary>What the names of the instruments begin with.</summary>
    public const string InstrumentPrefix = "dimension_store.memory.";

    /// <summary>What the names of the instruments per size class and zone begin with.</summary>
    public const string GroupPrefix = InstrumentPrefix + "group.";

    private readonly Meter _meter = new(MeterName, typeof(AllocatorMeter).Assembly.GetName().Version?.ToString(3));

    /// <summary>Creates the instruments.</summary>
    public AllocatorMeter()
    {
        Statistics.CreateInstruments(_meter, InstrumentPrefix, Allocators);
        Statistics.CreateInstruments(_meter, GroupPrefix, Groups);
        Statistics.CreateInstruments(_meter, InstrumentPrefix + "allocation_latency.", () => Latencies(layer => layer.Allocations));
        Statistics.CreateInstruments(_meter, InstrumentPrefix + "free_latency.", () => Latencies(layer => layer.Frees));
    }

    /// <summary>Ends the instruments.</summary>
    public void Dispose() => _meter.Dispose();

    private static IEnumerable<RegisteredAllocator> Shown => AllocatorRegistry.All.Where(shown => shown.Allocator.IsThreadSafe);

    private static IEnumerable<(AllocatorStatistics Snapshot, KeyValuePair<string, object?>[] Tags)> Allocators() =>
        Shown.Select(shown => (shown.Allocator.GetStatistics(), Tags(shown.Name)));

    private static IEnumerable<(AllocatorGroup Snapshot, KeyValuePair<string, object?>[] Tags)> Groups() =>
        Shown.SelectMany(shown => GroupsOf(shown.Allocator).Select(group => (group, Tags(shown.Name, group))));

    private static IEnumerable<(LatencySummary Snapshot, KeyValuePair<string, object?>[] Tags)> Latencies(Func<LatencyLayer, LatencyHistogram> choose) =>
        from shown in Shown
        let layer = shown.Allocator.FindLayer<LatencyLayer>()
        where layer is not null
        select (choose(layer).GetSummary(), Tags(shown.Name));

    private static IReadOnlyList<AllocatorGroup> GroupsOf(MemoryAllocator allocator)
    {
        try
        {
            return allocator.GetGroups();
        }
        catch (ObjectDisposedException)
        {
            // Disposed between being listed and being looked at, or shown for its last statistics: it has no groups any more.
            return [];
        }
    }

    private static KeyValuePair<string, object?>[] Tags(string name) => [new("allocator", name)];

    private static KeyValuePair<string, object?>[] Tags(string name, AllocatorGroup group) =>
        [new("allocator", name), new("kind", group.Kind == AllocatorGroupKind.SizeClass ? "size_class" : "zone"), new("group", group.Name)];
}

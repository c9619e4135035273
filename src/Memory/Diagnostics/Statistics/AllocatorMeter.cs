using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace DimensionStore.Memory;

/// <summary>
/// Shows every registered allocator (<see cref="AllocatorRegistry"/>) as instruments of the meter <see cref="MeterName"/>, for <c>dotnet-counters</c> and
/// OpenTelemetry. Every instrument is observed, none is pushed, so it costs nothing until somebody listens. One per process is enough. Thread-safe.
/// </summary>
/// <remarks>
/// Listeners look from threads of their own, so only allocators that are thread-safe are shown. Owners are counted by listing the blocks, once for all their instruments of a
/// collection; so that neither that nor the number of series grows without bound, they are shown for allocators of at most <see cref="MostBlocksForOwners"/> live blocks, the
/// <see cref="MostOwners"/> with most bytes of each by themselves and all further ones together as <c>other</c>.
/// </remarks>
public sealed class AllocatorMeter : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "DimensionStore.Memory";

    /// <summary>What the names of the instruments begin with.</summary>
    public const string InstrumentPrefix = "dimension_store.memory.";

    /// <summary>What the names of the instruments per size class and zone begin with.</summary>
    public const string GroupPrefix = InstrumentPrefix + "group.";

    /// <summary>What the names of the instruments per owner begin with.</summary>
    public const string OwnerPrefix = InstrumentPrefix + "owner.";

    /// <summary>Owners of an allocator that are shown by themselves.</summary>
    public const int MostOwners = 32;

    /// <summary>Live blocks of an allocator whose owners are shown; of one with more no owner is.</summary>
    public const int MostBlocksForOwners = 100_000;

    private static readonly TimeSpan s_oneCollection = TimeSpan.FromMilliseconds(100);

    private readonly Lock _ownersLock = new();
    private List<(OwnerStatistics Snapshot, KeyValuePair<string, object?>[] Tags)>? _owners;
    private long _ownersCountedAt;
    private readonly Meter _meter = new(MeterName, typeof(AllocatorMeter).Assembly.GetName().Version?.ToString(3));

    /// <summary>Creates the instruments.</summary>
    public AllocatorMeter()
    {
        Statistics.CreateInstruments(_meter, InstrumentPrefix, Allocators);
        Statistics.CreateInstruments(_meter, GroupPrefix, Groups);
        Statistics.CreateInstruments(_meter, OwnerPrefix, Owners);
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

    /// <summary>The owners as they were at most a tenth of a second ago: each instrument asks by itself, and the blocks are listed for the first of them.</summary>
    private List<(OwnerStatistics Snapshot, KeyValuePair<string, object?>[] Tags)> Owners()
    {
        lock (_ownersLock)
        {
            if (_owners is null || Stopwatch.GetElapsedTime(_ownersCountedAt) > s_oneCollection)
            {
                _owners = [.. Shown.SelectMany(shown => OwnersOf(shown.Allocator).Select(owner => (owner.Snapshot, Tags(shown.Name, owner.Tag))))];
                _ownersCountedAt = Stopwatch.GetTimestamp();
            }

            return _owners;
        }
    }

    private static List<(OwnerStatistics Snapshot, string Tag)> OwnersOf(MemoryAllocator allocator)
    {
        List<(OwnerStatistics Snapshot, string Tag)> shown = [];
        try
        {
            if (allocator.GetStatistics().LiveBlocks > MostBlocksForOwners)
            {
                return shown;
            }

            OwnerStatistics[] owners = AllocatorReport.CountOwners(allocator.EnumerateBlocks());
            shown.AddRange(owners.Take(MostOwners).Select(owner => (owner, owner.Owner.ToString(CultureInfo.InvariantCulture))));
            if (owners.Length > MostOwners)
            {
                OwnerStatistics others = owners.Skip(MostOwners).Aggregate((one, other) => new OwnerStatistics(
                    one.Owner, one.LiveBlocks + other.LiveBlocks, one.RequestedBytes + other.RequestedBytes, one.LiveBytes + other.LiveBytes, Math.Max(one.OldestSeconds, other.OldestSeconds)));
                shown.Add((others, "other"));
            }
        }
        catch (ObjectDisposedException)
        {
            // As above: it has no blocks any more, and so no owners.
            shown.Clear();
        }

        return shown;
    }

    private static KeyValuePair<string, object?>[] Tags(string name, string owner) => [new("allocator", name), new("owner", owner)];

    private static KeyValuePair<string, object?>[] Tags(string name) => [new("allocator", name)];

    private static KeyValuePair<string, object?>[] Tags(string name, AllocatorGroup group) =>
        [new("allocator", name), new("kind", group.Kind == AllocatorGroupKind.SizeClass ? "size_class" : "zone"), new("group", group.Name)];
}

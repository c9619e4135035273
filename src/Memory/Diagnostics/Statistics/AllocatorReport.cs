using System.Runtime.InteropServices;
using System.Text.Json;

namespace DimensionStore.Memory;

/// <summary>Everything about one allocator at one moment: statistics, size classes and zones, owners and, where a <see cref="LatencyLayer"/> is composed, times. Immutable.</summary>
public sealed class AllocatorReport
{
    private AllocatorReport(string name, MemoryAllocator allocator)
    {
        Name = name;
        IsThreadSafe = allocator.IsThreadSafe;
        Statistics = allocator.GetStatistics();
        try
        {
            Groups = allocator.GetGroups();
            Owners = CountOwners(allocator.EnumerateBlocks());
        }
        catch (ObjectDisposedException)
        {
            // What is left of a disposed allocator is its last statistics.
            IsDisposed = true;
            Groups = [];
            Owners = [];
        }

        if (allocator.FindLayer<LatencyLayer>() is { } timed)
        {
            AllocationLatency = new LatencyReport(timed.Allocations);
            FreeLatency = new LatencyReport(timed.Frees);
        }
    }

    /// <summary>The name it is shown under.</summary>
    public string Name { get; }

    /// <summary>Whether several threads may use it at once.</summary>
    public bool IsThreadSafe { get; }

    /// <summary>Whether it is disposed; then the statistics are the last ones and there is nothing else.</summary>
    public bool IsDisposed { get; }

    /// <summary>The counters.</summary>
    public AllocatorStatistics Statistics { get; }

    /// <summary>Per size class and per zone, as far as the allocator has any.</summary>
    public IReadOnlyList<AllocatorGroup> Groups { get; }

    /// <summary>Per owner, those with most bytes first.</summary>
    public IReadOnlyList<OwnerStatistics> Owners { get; }

    /// <summary>Times of allocations, or null where nobody measured.</summary>
    public LatencyReport? AllocationLatency { get; }

    /// <summary>Times of frees, or null where nobody measured.</summary>
    public LatencyReport? FreeLatency { get; }

    /// <summary>Looks at an allocator. Lists its blocks, so it takes time in proportion to their number.</summary>
    /// <param name="allocator">The allocator, with its layers.</param>
    /// <param name="name">What to call it; its own name when null.</param>
    public static AllocatorReport Create(MemoryAllocator allocator, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        return new AllocatorReport(name ?? allocator.Name, allocator);
    }

    /// <summary>Looks at every registered allocator (<see cref="AllocatorRegistry"/>).</summary>
    public static IReadOnlyList<AllocatorReport> CreateAll() => [.. AllocatorRegistry.All.Select(shown => Create(shown.Allocator, shown.Name))];

    /// <summary>Writes the report as a JSON object: <c>name</c>, <c>threadSafe</c>, <c>disposed</c>, <c>statistics</c>, <c>groups</c>, <c>owners</c>, <c>allocationLatency</c> and <c>freeLatency</c>.</summary>
    public void WriteJson(Utf8JsonWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStartObject();
        writer.WriteString("name", Name);
        writer.WriteBoolean("threadSafe", IsThreadSafe);
        writer.WriteBoolean("disposed", IsDisposed);
        writer.WritePropertyName("statistics");
        Memory.Statistics.WriteJson(writer, Statistics);
        writer.WritePropertyName("groups");
        Memory.Statistics.WriteJson(writer, Groups);
        writer.WritePropertyName("owners");
        Memory.Statistics.WriteJson(writer, Owners);
        WriteLatency(writer, "allocationLatency", AllocationLatency);
        WriteLatency(writer, "freeLatency", FreeLatency);
        writer.WriteEndObject();
    }

    private static void WriteLatency(Utf8JsonWriter writer, string name, LatencyReport? latency)
    {
        writer.WritePropertyName(name);
        if (latency is null)
        {
            writer.WriteNullValue();
        }
        else
        {
            latency.WriteJson(writer);
        }
    }

    /// <summary>Adds blocks up by owner, those with most bytes first.</summary>
    internal static OwnerStatistics[] CountOwners(IEnumerable<BlockInfo> blocks)
    {
        Dictionary<int, OwnerStatistics> owners = [];
        foreach (BlockInfo block in blocks)
        {
            ref OwnerStatistics owner = ref CollectionsMarshal.GetValueRefOrAddDefault(owners, block.Owner.Value, out _);
            owner = new OwnerStatistics(
                block.Owner.Value,
                owner.LiveBlocks + 1,
                owner.RequestedBytes + block.RequestedBytes,
                owner.LiveBytes + block.UsableBytes,
                Math.Max(owner.OldestSeconds, block.Age?.TotalSeconds ?? 0));
        }

        return [.. owners.Values.OrderByDescending(owner => owner.LiveBytes).ThenBy(owner => owner.Owner)];
    }
}

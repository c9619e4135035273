using System.Collections.Concurrent;
using System.Diagnostics.Tracing;
using System.Globalization;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;

namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>What another process sees through the runtime's diagnostic port, asked for in the way of <c>dotnet-counters</c> and <c>dotnet-trace</c>.</summary>
public sealed class EventPipeTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    [Fact]
    public void Counters_of_a_registered_allocator_arrive_in_a_session_of_its_meter()
    {
        using AllocatorMeter meter = new();
        using GeneralAllocator general = new();
        AllocatorRegistry.Register(general, "event pipe");
        general.Allocate(3000);
        Dictionary<string, string> arguments = new()
        {
            ["SessionId"] = Guid.NewGuid().ToString(),
            ["Metrics"] = AllocatorMeter.MeterName,
            ["RefreshInterval"] = "0.1",
            ["MaxTimeSeries"] = "10000",
            ["MaxHistograms"] = "10",
        };
        long live = general.GetStatistics().LiveBytes;
        Assert.InRange(live, 3000, 4000);

        const long TimeSeriesValues = 2;
        string seen = Watch(
            new EventPipeProvider("System.Diagnostics.Metrics", EventLevel.Informational, TimeSeriesValues, arguments),
            published => published.PayloadNames.Contains("instrumentName")
                && published.PayloadStringByName("instrumentName") == "dimension_store.memory.live_bytes"
                && published.PayloadStringByName("tags") == "allocator=event pipe"
                    ? published.EventName + " " + published.PayloadStringByName(published.EventName.StartsWith("Gauge", StringComparison.Ordinal) ? "lastValue" : "value")
                    : null);
        AllocatorRegistry.Unregister(general);
        Assert.EndsWith(" " + live.ToString(CultureInfo.InvariantCulture), seen, StringComparison.Ordinal);
    }

    [Fact]
    public void Failures_arrive_in_a_session_of_the_toolkits_provider()
    {
        using EventLayer layer = new(new PoolAllocator([new PoolConfig(4096, 64 << 10)], 64 << 10));
        string seen = Watch(
            new EventPipeProvider(ToolkitEventSource.ProviderName, EventLevel.Warning, (long)ToolkitEventSource.Keywords.Failures),
            published => published.ProviderName == ToolkitEventSource.ProviderName && published.EventName == "AllocationFailed" ? Convert.ToString(published.PayloadValue(1), CultureInfo.InvariantCulture) : null,
            () => layer.TryAllocate(77_777, out _));
        Assert.Equal("77777", seen);
    }

    /// <summary>Opens a session with this process, as a tool would from another, and waits for the first event that is wanted.</summary>
    private static string Watch(EventPipeProvider provider, Func<TraceEvent, string?> look, Action? again = null)
    {
        BlockingCollection<string> found = [];
        using EventPipeSession session = new DiagnosticsClient(Environment.ProcessId).StartEventPipeSession(provider, requestRundown: false);
        Thread reader = new(() =>
        {
            using EventPipeEventSource source = new(session.EventStream);
            source.Dynamic.All += published =>
            {
                if (look(published) is { } wanted)
                {
                    found.Add(wanted);
                }
            };
            source.Process();
        });
        reader.Start();
        string? seen = null;
        for (long begin = Environment.TickCount64; seen is null && Environment.TickCount64 - begin < s_patience.TotalMilliseconds;)
        {
            again?.Invoke();
            found.TryTake(out seen, TimeSpan.FromMilliseconds(100));
        }

        session.Stop();
        reader.Join();
        return seen ?? throw new TimeoutException($"No event that was wanted came from {provider.Name}.");
    }
}

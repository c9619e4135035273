using System.Diagnostics.Metrics;

namespace DimensionStore.Memory.Tests.Diagnostics;

public sealed class AllocatorMeterTests
{
    [Fact]
    public void A_listener_sees_every_field_of_every_registered_allocator()
    {
        using LatencyLayer timed = new(new PoolAllocator(PoolConfig.Default, 8 << 20), sampleEvery: 1);
        using PoolAllocator plain = new(PoolConfig.Default, 8 << 20);
        AllocatorRegistry.Register(timed, "meter timed");
        AllocatorRegistry.Register(plain, "meter plain");
        timed.Free(timed.Allocate(5000));
        timed.Allocate(5000);
        plain.Allocate(100);

        Dictionary<string, double> seen = Listen();
        foreach (StatisticsField<AllocatorStatistics> field in Statistics.Fields<AllocatorStatistics>())
        {
            Assert.Equal(field.Measure(timed.GetStatistics()), seen[field.InstrumentName(AllocatorMeter.InstrumentPrefix) + " allocator=meter timed"]);
            Assert.Equal(field.Measure(plain.GetStatistics()), seen[field.InstrumentName(AllocatorMeter.InstrumentPrefix) + " allocator=meter plain"]);
        }

        Assert.Equal(16384, seen["dimension_store.memory.group.live_bytes allocator=meter timed kind=size_class group=16384 B"]);
        Assert.Equal(0, seen["dimension_store.memory.group.live_bytes allocator=meter timed kind=size_class group=4096 B"]);
        Assert.Equal(2, seen["dimension_store.memory.allocation_latency.sample_count allocator=meter timed"]);
        Assert.Equal(1, seen["dimension_store.memory.free_latency.sample_count allocator=meter timed"]);
        Assert.False(seen.ContainsKey("dimension_store.memory.free_latency.sample_count allocator=meter plain"));

        plain.Dispose();
        AllocatorRegistry.Unregister(timed);
        Dictionary<string, double> later = Listen();
        Assert.Equal(1, later["dimension_store.memory.leaked_blocks allocator=meter plain"]);
        Assert.DoesNotContain(later.Keys, key => key.Contains("meter timed", StringComparison.Ordinal));
        AllocatorRegistry.Unregister(plain);
    }

    private static Dictionary<string, double> Listen()
    {
        using AllocatorMeter meter = new();
        Dictionary<string, double> seen = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == AllocatorMeter.MeterName)
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
        {
            string key = instrument.Name;
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                key += $" {tag.Key}={tag.Value}";
            }

            seen[key] = value;
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return seen;
    }
}

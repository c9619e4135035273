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

    [Fact]
    public void Owners_are_shown_up_to_a_number_and_the_others_together()
    {
        const string Name = "meter owners";
        using DiagnosticLayer allocator = new(new SlabAllocator(8 << 20));
        AllocatorRegistry.Register(allocator, Name);
        try
        {
            const int Many = AllocatorMeter.MostOwners + 5;
            for (int owner = 1; owner <= Many; owner++)
            {
                for (int block = 0; block < owner; block++)
                {
                    allocator.Allocate(64, owner: new OwnerId(owner));
                }
            }

            Dictionary<string, double> seen = Listen();
            foreach (StatisticsField<OwnerStatistics> field in Statistics.Fields<OwnerStatistics>().Where(field => field.Kind != StatisticsKind.Label))
            {
                string instrument = field.InstrumentName(AllocatorMeter.OwnerPrefix);
                Assert.Equal(AllocatorMeter.MostOwners + 1, seen.Keys.Count(key => key.StartsWith($"{instrument} allocator={Name} ", StringComparison.Ordinal)));
            }

            Assert.Equal(Many, seen[$"dimension_store.memory.owner.live_blocks allocator={Name} owner={Many}"]);
            Assert.Equal(6, seen[$"dimension_store.memory.owner.live_blocks allocator={Name} owner=6"]);
            Assert.Equal(1 + 2 + 3 + 4 + 5, seen[$"dimension_store.memory.owner.live_blocks allocator={Name} owner=other"]);
            Assert.Equal(6 * 64, seen[$"dimension_store.memory.owner.requested_bytes allocator={Name} owner=6"]);
        }
        finally
        {
            AllocatorRegistry.Unregister(allocator);
        }
    }

    [Fact]
    public void Owners_of_an_allocator_of_very_many_blocks_and_of_a_disposed_one_are_not_listed()
    {
        const string Name = "meter many";
        SlabAllocator allocator = new(64 << 20);
        AllocatorRegistry.Register(allocator, Name);
        try
        {
            nint last = 0;
            for (int block = 0; block <= AllocatorMeter.MostBlocksForOwners; block++)
            {
                last = allocator.Allocate(16);
            }

            string key = $"dimension_store.memory.owner.live_blocks allocator={Name} owner=0";
            Assert.False(Listen().ContainsKey(key));
            allocator.Free(last);
            Assert.Equal(AllocatorMeter.MostBlocksForOwners, Listen()[key]);
            allocator.Dispose();
            Assert.False(Listen().ContainsKey(key));
        }
        finally
        {
            AllocatorRegistry.Unregister(allocator);
            allocator.Dispose();
        }
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

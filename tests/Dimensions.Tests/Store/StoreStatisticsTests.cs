using System.Diagnostics.Metrics;
using System.Reflection;
using System.Text.Json;
using DimensionStore.Memory;

namespace DimensionStore.Tests.Store;

public sealed class StoreStatisticsTests
{
    [Fact]
    public void The_field_list_covers_every_property_in_its_order_once()
    {
        string[] properties = [.. typeof(MemoryStats).GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(p => p.Name)];

        Assert.Equal(properties, Statistics.Fields<MemoryStats>().Select(f => f.Property));
        Assert.All(Statistics.Fields<MemoryStats>(), f => Assert.False(string.IsNullOrWhiteSpace(f.Description) || string.IsNullOrWhiteSpace(f.Unit)));
        Assert.Equal(Statistics.Fields<MemoryStats>().Count, Statistics.Fields<MemoryStats>().Select(f => f.InstrumentName(StoreMeter.InstrumentPrefix)).Distinct().Count());
    }

    [Fact]
    public void Each_field_reads_the_property_it_is_named_for()
    {
        object boxed = default(MemoryStats);
        int next = 3;
        foreach (PropertyInfo property in typeof(MemoryStats).GetProperties().Where(p => p.CanWrite))
        {
            property.SetValue(boxed, property.PropertyType == typeof(bool) ? true : Convert.ChangeType(next++, property.PropertyType, null));
        }

        MemoryStats stats = (MemoryStats)boxed;
        foreach (StatisticsField<MemoryStats> field in Statistics.Fields<MemoryStats>())
        {
            object value = typeof(MemoryStats).GetProperty(field.Property)!.GetValue(boxed)!;
            Assert.Equal(Convert.ToDouble(value, null), field.Measure(stats));
            Assert.Equal(Convert.ToDouble(value, null), Convert.ToDouble(field.GetValue(stats), null));
        }
    }

    [Fact]
    public void Json_has_every_field_in_camel_case()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            Statistics.WriteJson(writer, new MemoryStats { LimitBytes = 200, TotalAllocatedBytes = 100, SimulationMode = true });
        }

        JsonElement json = JsonDocument.Parse(stream.ToArray()).RootElement;
        Assert.Equal(Statistics.Fields<MemoryStats>().Select(f => f.Name), json.EnumerateObject().Select(p => p.Name));
        Assert.Equal(100, json.GetProperty("totalAllocatedBytes").GetInt64());
        Assert.True(json.GetProperty("simulationMode").GetBoolean());
        Assert.Equal(50, json.GetProperty("usagePercent").GetDouble());
    }

    [Fact]
    public void The_meter_shows_every_field_until_the_store_is_closed()
    {
        using StoreFolder folder = new();
        folder.Write(1, "joy");
        MmapManager store = folder.Open();
        store.ReadLayer(new LayerId(new DimensionId(1), 0));
        using StoreMeter meter = new(store);
        Dictionary<string, double> seen = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == StoreMeter.MeterName)
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
        {
            // Other tests may have meters of the same name.
            if (Equals(tags[0].Value, folder.FullPath))
            {
                seen[instrument.Name] = value;
            }
        });
        listener.Start();
        listener.RecordObservableInstruments();

        Assert.Equal(Statistics.Fields<MemoryStats>().Select(f => f.InstrumentName(StoreMeter.InstrumentPrefix)).Order(), seen.Keys.Order());
        Assert.Equal(1, seen["dimension_store.dimensions_loaded"]);
        Assert.True(seen["dimension_store.access_count"] >= 1);

        store.Close();
        seen.Clear();
        listener.RecordObservableInstruments();
        Assert.Empty(seen);
    }

    [Fact]
    public void Every_access_is_counted_by_whichever_thread()
    {
        using StoreFolder folder = new();
        folder.Write(1, "joy");
        folder.Write(2, "thought");
        using MmapManager store = folder.Open();
        using MmapManager other = folder.Open();
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(t => new Thread(() =>
        {
            for (int i = 0; i < 10_007; i++)
            {
                store.AccessLayer(new LayerId(new DimensionId(1 + (i & 1)), 0)).Dispose();
                if (i % 100 == 0)
                {
                    store.Find(new DimensionId(1), "joy").Dispose();
                    other.AccessLayer(new LayerId(new DimensionId(1), 0)).Dispose();
                }
            }
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());

        Assert.Equal(4 * (10_007 + 101), store.GetStats().AccessCount);
        Assert.Equal(4 * 101, other.GetStats().AccessCount);
        Assert.True(store.GetStats().AvgAccessLatencyUs > 0);
        Assert.True(store.GetStats().AvgAccessLatencyUs < 1000);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Layers_of_the_simulation_count_from_the_start(bool ownCatalog)
    {
        using StoreFolder folder = new();
        folder.Write(1, "joy", "grief");
        string catalog = Path.Combine(folder.FullPath, "catalog.json");
        File.WriteAllText(catalog, """
            { "version": 1, "dimensions": [ { "id": 2, "name": "Two", "layers": [
              { "layer": 0, "depth": 0, "frequency": 4.5, "keywords": ["a"], "entries": [ { "keywords": ["a"], "text": "a" } ] },
              { "layer": 3, "depth": 0, "frequency": 4.5, "keywords": ["b"], "entries": [ { "keywords": ["b"], "text": "b" } ] } ] } ] }
            """);
        using MmapManager store = new(folder.Config with { Simulate = true, SimulationDataPath = ownCatalog ? catalog : null });
        int before = store.GetStats().LayersLoaded;

        foreach (DimensionStatus dimension in store.GetDimensions())
        {
            store.Find(dimension.Id, "joy").Dispose();
        }

        int shown = store.GetDimensions().Sum(static d => d.Descriptor!.Layers.Count);
        Assert.Equal((shown, shown), (before, store.GetStats().LayersLoaded));
        DimensionId two = new(2);
        int layers = store.GetDimensions().Single(d => d.Id == two).Descriptor!.Layers.Count;
        Assert.True(store.UnloadDimension(two));
        Assert.Equal(shown - layers, store.GetStats().LayersLoaded);
        store.LoadDimension(two);
        Assert.Equal(shown, store.GetStats().LayersLoaded);
    }

    [Fact]
    public void A_snapshot_adds_up()
    {
        using StoreFolder folder = new();
        folder.Write(1, "joy", "grief");
        folder.Write(40, "extra");
        using MmapManager store = new(folder.Config with { Simulate = true });
        nint block = store.Pool.Allocate(5000);

        MemoryStats stats = store.GetStats();

        Assert.Equal((2, 13, 3 + (13 * 4), 2), (stats.DimensionsLoaded, stats.SimulatedDimensions, stats.LayersLoaded, stats.ActiveRegions));
        Assert.Equal(280L << 20, stats.LimitBytes);
        Assert.Equal(store.Budget.UsedBytes, stats.TotalAllocatedBytes);
        Assert.Equal(stats.TotalAllocatedBytes - (stats.PoolCommittedBytes - stats.PoolUsedBytes), stats.TotalUsedBytes);
        Assert.Equal((1, 16L << 10), (stats.PoolLiveBlocks, stats.PoolUsedBytes));
        store.Pool.Free(block);
        Assert.Equal(0, store.GetStats().PoolLiveBlocks);
    }
}

using System.Diagnostics.Metrics;
using System.Reflection;
using System.Text;
using System.Text.Json;

namespace DimensionStore.Memory.Tests.Diagnostics;

public sealed class StatisticsTests
{
    private enum Colour
    {
        DarkRed,
    }

    [Fact]
    public void Every_property_of_every_snapshot_is_a_field_in_its_order()
    {
        Covers<AllocatorStatistics>();
        Covers<AllocatorGroup>();
        Covers<LatencySummary>();
        Covers<LatencyBucket>();
        Covers<OwnerStatistics>();
    }

    [Fact]
    public void Each_field_reads_the_property_it_is_named_for()
    {
        object boxed = default(AllocatorStatistics);
        long next = 1000;
        foreach (PropertyInfo property in typeof(AllocatorStatistics).GetProperties().Where(p => p.CanWrite))
        {
            property.SetValue(boxed, next++);
        }

        AllocatorStatistics statistics = (AllocatorStatistics)boxed;
        foreach (StatisticsField<AllocatorStatistics> field in Statistics.Fields<AllocatorStatistics>())
        {
            object value = typeof(AllocatorStatistics).GetProperty(field.Property)!.GetValue(boxed)!;
            Assert.Equal(value, field.GetValue(statistics));
            Assert.Equal(Convert.ToDouble(value, null), field.Measure(statistics));
            Assert.Equal(value.GetType(), field.ValueType);
        }
    }

    [Fact]
    public void Json_is_the_same_text_every_time()
    {
        Row row = new(Colour.DarkRed, "a\"b", 7, 1L << 60, 0.25, true);
        Assert.Equal("""{"colour":"darkRed","name":"a\u0022b","small":7,"large":1152921504606846976,"ratio":0.25,"isOn":true}""", Json(writer => Statistics.WriteJson(writer, row)));
        Assert.Equal("[]", Json(writer => Statistics.WriteJson(writer, Array.Empty<Row>())));
    }

    [Fact]
    public void Measuring_reads_numbers_and_flags_and_refuses_texts()
    {
        Row row = new(Colour.DarkRed, "x", 7, 8, 0.25, true);
        Assert.Equal([7, 8, 0.25, 1], Statistics.Fields<Row>().Skip(2).Select(f => f.Measure(row)));
        Assert.Throws<InvalidOperationException>(() => Statistics.Fields<Row>()[0].Measure(row));
        Assert.Throws<InvalidOperationException>(() => Statistics.Fields<Row>()[1].Measure(row));
    }

    [Fact]
    public void Measuring_a_number_allocates_nothing()
    {
        AllocatorStatistics statistics = new() { LiveBytes = 10, RequestedBytes = 5 };
        IReadOnlyList<StatisticsField<AllocatorStatistics>> fields = Statistics.Fields<AllocatorStatistics>();
        double sum = fields.Sum(f => f.Measure(statistics));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < fields.Count; i++)
        {
            sum -= fields[i].Measure(statistics);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(0, sum);
    }

    [Fact]
    public void A_property_that_is_not_described_or_cannot_be_shown_is_refused()
    {
        Assert.Contains("Forgotten.Value", Refused<Forgotten>());
        Assert.Contains("Odd.When", Refused<Odd>());
    }

    [Fact]
    public void Labels_get_no_instrument_and_counters_are_counters()
    {
        using Meter meter = new("test");
        List<Instrument> published = [];
        using MeterListener listener = new() { InstrumentPublished = (instrument, _) => { if (instrument.Meter == meter) { published.Add(instrument); } } };
        listener.Start();
        Statistics.CreateInstruments<Row>(meter, "test.", () => []);
        Assert.Equal(["test.is_on", "test.large", "test.ratio", "test.small"], published.Select(i => i.Name).Order());
        Assert.IsType<ObservableCounter<double>>(published.Single(i => i.Name == "test.large"));
        Assert.Equal(("By", "Large."), (published.Single(i => i.Name == "test.large").Unit, published.Single(i => i.Name == "test.large").Description));
    }

    private static void Covers<T>()
        where T : struct
    {
        IReadOnlyList<StatisticsField<T>> fields = Statistics.Fields<T>();
        Assert.Equal(typeof(T).GetProperties().Select(p => p.Name), fields.Select(f => f.Property));
        Assert.All(fields, f => Assert.False(string.IsNullOrWhiteSpace(f.Description) || string.IsNullOrWhiteSpace(f.Unit)));
        Assert.All(fields, f => Assert.EndsWith(".", f.Description, StringComparison.Ordinal));
        Assert.Equal(fields.Count, fields.Select(f => f.InstrumentName("x.")).Distinct().Count());
    }

    private static string Refused<T>()
        where T : struct => Assert.Throws<TypeInitializationException>(() => Statistics.Fields<T>()).InnerException!.Message;

    private static string Json(Action<Utf8JsonWriter> write)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            write(writer);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private readonly record struct Row(
        [property: Statistic("1", StatisticsKind.Label, "Colour.")] Colour Colour,
        [property: Statistic("1", StatisticsKind.Label, "Name.")] string Name,
        [property: Statistic("1", StatisticsKind.Gauge, "Small.")] int Small,
        [property: Statistic("By", StatisticsKind.Counter, "Large.")] long Large,
        [property: Statistic("1", StatisticsKind.Gauge, "Ratio.")] double Ratio,
        [property: Statistic("1", StatisticsKind.Gauge, "Is on.")] bool IsOn);

    private readonly record struct Forgotten(long Value);

    private readonly record struct Odd([property: Statistic("1", StatisticsKind.Gauge, "When.")] DateTime When);
}

using System.Text.Json;

namespace DimensionStore;

/// <summary>
/// One field of <see cref="MemoryStats"/>, described. <see cref="All"/> is the one list that JSON, meters and tables are made from, so that a statistic has
/// one name, one unit and one sentence wherever it shows. Immutable and thread-safe.
/// </summary>
public sealed class StatisticsField
{
    private readonly Func<MemoryStats, double> _measure;
    private readonly Func<MemoryStats, object> _value;

    private StatisticsField(string property, string unit, StatisticsKind kind, string description, Func<MemoryStats, double> measure, Func<MemoryStats, object> value)
    {
        Property = property;
        Name = JsonNamingPolicy.CamelCase.ConvertName(property);
        InstrumentName = "dimension_store." + JsonNamingPolicy.SnakeCaseLower.ConvertName(property);
        Unit = unit;
        Kind = kind;
        Description = description;
        _measure = measure;
        _value = value;
    }

    /// <summary>Every field, in the order of <see cref="MemoryStats"/>.</summary>
    public static IReadOnlyList<StatisticsField> All { get; } = Array.AsReadOnly<StatisticsField>(
    [
        Whole(nameof(MemoryStats.TotalAllocatedBytes), "By", StatisticsKind.Gauge, "Bytes charged to the budget: regions, committed pool memory, decompressed layers.", static s => s.TotalAllocatedBytes),
        Whole(nameof(MemoryStats.TotalUsedBytes), "By", StatisticsKind.Gauge, "Bytes of these in use: regions, live pool blocks, decompressed layers.", static s => s.TotalUsedBytes),
        Whole(nameof(MemoryStats.LimitBytes), "By", StatisticsKind.Gauge, "The budget's limit.", static s => s.LimitBytes),
        Whole(nameof(MemoryStats.DimensionsLoaded), "{dimension}", StatisticsKind.Gauge, "Dimensions that answer from a file.", static s => s.DimensionsLoaded),
        Whole(nameof(MemoryStats.LayersLoaded), "{layer}", StatisticsKind.Gauge, "Layers of dimensions in memory.", static s => s.LayersLoaded),
        Whole(nameof(MemoryStats.ActiveRegions), "{region}", StatisticsKind.Gauge, "Regions in memory, those not yet unmapped included.", static s => s.ActiveRegions),
        Whole(nameof(MemoryStats.PeakUsageBytes), "By", StatisticsKind.Gauge, "Most bytes charged to the budget so far.", static s => s.PeakUsageBytes),
        Real(nameof(MemoryStats.AvgAccessLatencyUs), "us", StatisticsKind.Gauge, "Mean time of a layer access, from sampled accesses.", static s => s.AvgAccessLatencyUs),
        new(nameof(MemoryStats.SimulationMode), "1", StatisticsKind.Gauge, "Whether any dimension answers from the simulation.", static s => s.SimulationMode ? 1 : 0, static s => s.SimulationMode),
        Whole(nameof(MemoryStats.SimulatedDimensions), "{dimension}", StatisticsKind.Gauge, "Dimensions that answer from the simulation.", static s => s.SimulatedDimensions),
        Whole(nameof(MemoryStats.AccessCount), "{access}", StatisticsKind.Counter, "Layer and keyword accesses so far.", static s => s.AccessCount),
        Whole(nameof(MemoryStats.EvictionCount), "{dimension}", StatisticsKind.Counter, "Dimensions evicted so far.", static s => s.EvictionCount),
        Whole(nameof(MemoryStats.ParkedRegions), "{region}", StatisticsKind.Gauge, "Regions set aside because a reader did not leave in time.", static s => s.ParkedRegions),
        Whole(nameof(MemoryStats.PoolLiveBlocks), "{block}", StatisticsKind.Gauge, "Live blocks of the pool.", static s => s.PoolLiveBlocks),
        Whole(nameof(MemoryStats.PoolUsedBytes), "By", StatisticsKind.Gauge, "Usable bytes in live blocks of the pool.", static s => s.PoolUsedBytes),
        Whole(nameof(MemoryStats.PoolCommittedBytes), "By", StatisticsKind.Gauge, "Bytes committed for the pool.", static s => s.PoolCommittedBytes),
        Real(nameof(MemoryStats.UsagePercent), "%", StatisticsKind.Gauge, "Percent of the limit charged.", static s => s.UsagePercent),
    ]);

    /// <summary>Name of the property of <see cref="MemoryStats"/>.</summary>
    public string Property { get; }

    /// <summary>Name in JSON: the property's, in camel case.</summary>
    public string Name { get; }

    /// <summary>Name of the instrument of the <c>DimensionStore</c> meter.</summary>
    public string InstrumentName { get; }

    /// <summary>Unit, in the notation of UCUM that meters use: <c>By</c>, <c>us</c>, <c>%</c>, <c>{layer}</c>.</summary>
    public string Unit { get; }

    /// <summary>Gauge or counter.</summary>
    public StatisticsKind Kind { get; }

    /// <summary>What it says, in a sentence.</summary>
    public string Description { get; }

    /// <summary>The field of a snapshot as a number; true is 1.</summary>
    public double Measure(MemoryStats stats) => _measure(stats);

    /// <summary>The field of a snapshot in its own type.</summary>
    public object GetValue(MemoryStats stats) => _value(stats);

    /// <summary>Writes a snapshot as a JSON object with every field.</summary>
    public static void WriteJson(Utf8JsonWriter writer, MemoryStats stats)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStartObject();
        foreach (StatisticsField field in All)
        {
            switch (field.GetValue(stats))
            {
                case bool flag:
                    writer.WriteBoolean(field.Name, flag);
                    break;
                case long whole:
                    writer.WriteNumber(field.Name, whole);
                    break;
                default:
                    writer.WriteNumber(field.Name, field.Measure(stats));
                    break;
            }
        }

        writer.WriteEndObject();
    }

    private static StatisticsField Whole(string property, string unit, StatisticsKind kind, string description, Func<MemoryStats, long> get) =>
        new(property, unit, kind, description, s => get(s), s => get(s));

    private static StatisticsField Real(string property, string unit, StatisticsKind kind, string description, Func<MemoryStats, double> get) =>
        new(property, unit, kind, description, get, s => get(s));
}

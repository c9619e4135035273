using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Reflection;
using System.Text.Json;

namespace DimensionStore.Memory;

/// <summary>
/// The one list of fields per type of snapshot that JSON, meters and tables are made from, so that a statistic has one name, one unit and one sentence wherever
/// it shows. It is read from the <see cref="StatisticAttribute"/> on each property, once; after that a value is read through a delegate. Thread-safe.
/// </summary>
public static class Statistics
{
    private const DynamicallyAccessedMemberTypes Properties = DynamicallyAccessedMemberTypes.PublicProperties;

    /// <summary>Every field of a snapshot, in the order in which its properties are declared.</summary>
    /// <typeparam name="TSnapshot">The snapshot; every public property of it must be described.</typeparam>
    public static IReadOnlyList<StatisticsField<TSnapshot>> Fields<[DynamicallyAccessedMembers(Properties)] TSnapshot>()
        where TSnapshot : struct => Cache<TSnapshot>.Fields;

    /// <summary>Writes a snapshot as a JSON object with every field.</summary>
    public static void WriteJson<[DynamicallyAccessedMembers(Properties)] TSnapshot>(Utf8JsonWriter writer, TSnapshot snapshot)
        where TSnapshot : struct
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStartObject();
        WriteMembers(writer, snapshot);
        writer.WriteEndObject();
    }

    /// <summary>Writes snapshots as a JSON array of objects.</summary>
    public static void WriteJson<[DynamicallyAccessedMembers(Properties)] TSnapshot>(Utf8JsonWriter writer, IEnumerable<TSnapshot> snapshots)
        where TSnapshot : struct
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(snapshots);
        writer.WriteStartArray();
        foreach (TSnapshot snapshot in snapshots)
        {
            WriteJson(writer, snapshot);
        }

        writer.WriteEndArray();
    }

    /// <summary>Writes every field into the JSON object that is open.</summary>
    public static void WriteMembers<[DynamicallyAccessedMembers(Properties)] TSnapshot>(Utf8JsonWriter writer, TSnapshot snapshot)
        where TSnapshot : struct
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (StatisticsField<TSnapshot> field in Fields<TSnapshot>())
        {
            field.WriteMember(writer, snapshot);
        }
    }

    /// <summary>
    /// Makes an observed instrument of a meter from every field that is not a label. Nothing is measured until somebody listens, and then for each instrument anew.
    /// </summary>
    /// <param name="meter">The meter; disposing it ends the instruments.</param>
    /// <param name="prefix">What the names begin with, the final dot included.</param>
    /// <param name="observe">What there is to be seen: any number of snapshots, each with the tags that tell it from the others.</param>
    public static void CreateInstruments<[DynamicallyAccessedMembers(Properties)] TSnapshot>(
        Meter meter, string prefix, Func<IEnumerable<(TSnapshot Snapshot, KeyValuePair<string, object?>[] Tags)>> observe)
        where TSnapshot : struct
    {
        ArgumentNullException.ThrowIfNull(meter);
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentNullException.ThrowIfNull(observe);
        foreach (StatisticsField<TSnapshot> field in Fields<TSnapshot>())
        {
            IEnumerable<Measurement<double>> Measure() => observe().Select(seen => new Measurement<double>(field.Measure(seen.Snapshot), seen.Tags));
            if (field.Kind == StatisticsKind.Counter)
            {
                meter.CreateObservableCounter(field.InstrumentName(prefix), Measure, field.Unit, field.Description);
            }
            else if (field.Kind == StatisticsKind.Gauge)
            {
                meter.CreateObservableGauge(field.InstrumentName(prefix), Measure, field.Unit, field.Description);
            }
        }
    }

    private static class Cache<[DynamicallyAccessedMembers(Properties)] TSnapshot>
        where TSnapshot : struct
    {
        internal static readonly ReadOnlyCollection<StatisticsField<TSnapshot>> Fields = Read();

        private static ReadOnlyCollection<StatisticsField<TSnapshot>> Read()
        {
            // The order of declaration is that of the metadata tokens; the order of GetProperties is not promised.
            List<StatisticsField<TSnapshot>> fields = [];
            foreach (PropertyInfo property in typeof(TSnapshot).GetProperties(BindingFlags.Public | BindingFlags.Instance).OrderBy(p => p.MetadataToken))
            {
                StatisticAttribute statistic = property.GetCustomAttribute<StatisticAttribute>()
                    ?? throw new InvalidOperationException($"{typeof(TSnapshot).Name}.{property.Name} is not described. Put a [Statistic] on it.");
                fields.Add(new StatisticsField<TSnapshot>(property, statistic));
            }

            return fields.AsReadOnly();
        }
    }
}

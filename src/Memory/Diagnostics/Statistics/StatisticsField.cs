using System.Globalization;
using System.Reflection;
using System.Text.Json;

namespace DimensionStore.Memory;

/// <summary>
/// One statistic of a snapshot, described. <see cref="Statistics.Fields"/> lists them. Immutable and thread-safe.
/// </summary>
/// <typeparam name="TSnapshot">The snapshot.</typeparam>
public sealed class StatisticsField<TSnapshot>
    where TSnapshot : struct
{
    private readonly Func<TSnapshot, double>? _measure;
    private readonly Func<TSnapshot, object> _value;
    private readonly Action<Utf8JsonWriter, string, TSnapshot> _write;

    internal StatisticsField(PropertyInfo property, StatisticAttribute statistic)
    {
        Property = property.Name;
        Name = JsonNamingPolicy.CamelCase.ConvertName(property.Name);
        ValueType = property.PropertyType;
        Unit = statistic.Unit;
        Kind = statistic.Kind;
        Description = statistic.Description;
        (_measure, _value, _write) = Accessors(property);
    }

    private delegate TValue Getter<TValue>(ref TSnapshot snapshot);

    /// <summary>Name of the property.</summary>
    public string Property { get; }

    /// <summary>Name in JSON: the property's, in camel case.</summary>
    public string Name { get; }

    /// <summary>Type of the property.</summary>
    public Type ValueType { get; }

    /// <summary>Unit, in the notation of UCUM that meters use: <c>By</c>, <c>us</c>, <c>%</c>, <c>{layer}</c>.</summary>
    public string Unit { get; }

    /// <summary>Gauge, counter or label.</summary>
    public StatisticsKind Kind { get; }

    /// <summary>What it says, in a sentence.</summary>
    public string Description { get; }

    /// <summary>Name of the instrument of a meter: the prefix and the property's name in snake case.</summary>
    public string InstrumentName(string prefix) => prefix + JsonNamingPolicy.SnakeCaseLower.ConvertName(Property);

    /// <summary>The field of a snapshot as a number; true is 1.</summary>
    /// <exception cref="InvalidOperationException">The field is a text.</exception>
    public double Measure(TSnapshot snapshot) => _measure is null ? throw new InvalidOperationException($"{Property} is a text and has no measure.") : _measure(snapshot);

    /// <summary>The field of a snapshot in its own type.</summary>
    public object GetValue(TSnapshot snapshot) => _value(snapshot);

    internal void WriteMember(Utf8JsonWriter writer, TSnapshot snapshot) => _write(writer, Name, snapshot);

    private static (Func<TSnapshot, double>? Measure, Func<TSnapshot, object> Value, Action<Utf8JsonWriter, string, TSnapshot> Write) Accessors(PropertyInfo property)
    {
        Type type = property.PropertyType;
        if (type == typeof(long))
        {
            Getter<long> get = Get<long>(property);
            return (s => get(ref s), s => get(ref s), (writer, name, s) => writer.WriteNumber(name, get(ref s)));
        }

        if (type == typeof(int))
        {
            Getter<int> get = Get<int>(property);
            return (s => get(ref s), s => get(ref s), (writer, name, s) => writer.WriteNumber(name, get(ref s)));
        }

        if (type == typeof(double))
        {
            Getter<double> get = Get<double>(property);
            return (s => get(ref s), s => get(ref s), (writer, name, s) => writer.WriteNumber(name, get(ref s)));
        }

        if (type == typeof(bool))
        {
            Getter<bool> get = Get<bool>(property);
            return (s => get(ref s) ? 1 : 0, s => get(ref s), (writer, name, s) => writer.WriteBoolean(name, get(ref s)));
        }

        if (type == typeof(string))
        {
            Getter<string> get = Get<string>(property);
            return (null, s => get(ref s), (writer, name, s) => writer.WriteString(name, get(ref s)));
        }

        if (type.IsEnum)
        {
            // Only ever a label of a row, so that it may be boxed.
            object Value(TSnapshot s) => property.GetValue(s)!;
            return (null, Value, (writer, name, s) => writer.WriteString(name, JsonNamingPolicy.CamelCase.ConvertName(Convert.ToString(Value(s), CultureInfo.InvariantCulture)!)));
        }

        throw new InvalidOperationException($"{typeof(TSnapshot).Name}.{property.Name} is a {type.Name}. A statistic is a long, an int, a double, a bool, a string or an enum.");
    }

    private static Getter<TValue> Get<TValue>(PropertyInfo property) => property.GetMethod!.CreateDelegate<Getter<TValue>>();
}

using System.Diagnostics.Metrics;

namespace DimensionStore;

/// <summary>
/// Shows the statistics of a store as instruments of the meter <see cref="MeterName"/>, for <c>dotnet-counters</c> and OpenTelemetry. Costs nothing until somebody
/// listens: every instrument is observed, none is pushed. Measurements carry the store's directory as tag <c>store</c>. Thread-safe; dispose it before or after the store.
/// </summary>
public sealed class StoreMeter : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "DimensionStore";

    private readonly MmapManager _store;
    private readonly KeyValuePair<string, object?> _tag;
    private readonly Meter _meter;

    /// <summary>Creates the instruments, one per <see cref="StatisticsField"/>.</summary>
    public StoreMeter(MmapManager store)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _tag = new KeyValuePair<string, object?>("store", store.Config.BasePath);
        _meter = new Meter(MeterName, typeof(StoreMeter).Assembly.GetName().Version?.ToString(3));
        foreach (StatisticsField field in StatisticsField.All)
        {
            if (field.Kind == StatisticsKind.Counter)
            {
                _meter.CreateObservableCounter(field.InstrumentName, () => Observe(field), field.Unit, field.Description);
            }
            else
            {
                _meter.CreateObservableGauge(field.InstrumentName, () => Observe(field), field.Unit, field.Description);
            }
        }
    }

    /// <summary>Ends the instruments.</summary>
    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<double>> Observe(StatisticsField field) =>
        _store.TryGetStats(out MemoryStats stats) ? [new Measurement<double>(field.Measure(stats), _tag)] : [];
}

using System.Diagnostics.Metrics;
using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>
/// Shows the statistics of a store as instruments of the meter <see cref="MeterName"/>, for <c>dotnet-counters</c> and OpenTelemetry. Costs nothing until somebody
/// listens: every instrument is observed, none is pushed. Measurements carry the store's directory as tag <c>store</c>. Thread-safe; dispose it before or after the store.
/// </summary>
public sealed class StoreMeter : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "DimensionStore";

    /// <summary>What the names of the instruments begin with.</summary>
    public const string InstrumentPrefix = "dimension_store.";

    private readonly MmapManager _store;
    private readonly KeyValuePair<string, object?>[] _tags;
    private readonly Meter _meter;

    /// <summary>Creates the instruments, one per field of <see cref="MemoryStats"/>.</summary>
    public StoreMeter(MmapManager store)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _tags = [new KeyValuePair<string, object?>("store", store.Config.BasePath)];
        _meter = new Meter(MeterName, typeof(StoreMeter).Assembly.GetName().Version?.ToString(3));
        Statistics.CreateInstruments(_meter, InstrumentPrefix, Observe);
    }

    /// <summary>Ends the instruments.</summary>
    public void Dispose() => _meter.Dispose();

    private IEnumerable<(MemoryStats Snapshot, KeyValuePair<string, object?>[] Tags)> Observe() => _store.TryGetStats(out MemoryStats stats) ? [(stats, _tags)] : [];
}

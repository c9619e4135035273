using System.Diagnostics.Tracing;
using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>
/// The store: loads dimension files, gives zero-copy access to their layers and entries, enforces the budget, evicts under pressure
/// and answers from the simulation where files are missing. Thread-safe; access takes no lock. The design is in <c>src/Dimensions/Store/README.md</c>.
/// </summary>
public sealed partial class MmapManager : IDisposable
{
    // Loading, unloading, evicting, building and closing are one at a time; _mutation is held for as long as they take, waits for readers included.
    // _gate guards the records and is held for moments. Order: _mutation, then _gate.
    private readonly Lock _mutation = new();
    private readonly Lock _gate = new();
    private readonly DimensionRecordTable _records = new();
    private readonly List<LoadedRegion> _parked = [];
    private readonly Queue<PressureChangedEventArgs> _pressureEvents = new();
    private readonly UseClock _clock = new();
    private readonly StoreSeams _seams;
    private readonly string _basePath;
    private readonly Lazy<DimensionCatalog> _catalog;

    // Made when it is first used: most stores only read, and reserving address space takes as long as loading a file.
    private readonly Lazy<PoolAllocator> _pool;
    private readonly Lazy<EventLayer> _blocks;
    private readonly long _thresholdBytes;

    // What readers see: regions by dimension number. Elements are written under both locks; the array is replaced when it must grow.
    private volatile LoadedRegion?[] _table = new LoadedRegion?[64];
    private volatile bool _closed;
    private StoreCounts _counts;
    private int _readersWaiting;

    /// <summary>Opens a store: loads every file of its directory, simulates the core dimensions that have none, notes those that are broken.</summary>
    /// <param name="config">What the store is to be.</param>
    /// <exception cref="ArgumentOutOfRangeException">A limit, threshold or time-out of the configuration is out of range.</exception>
    /// <exception cref="InvalidCatalogException">The simulation's own data file is wrong.</exception>
    /// <exception cref="IOException">The directory is there and cannot be listed.</exception>
    public MmapManager(MemoryConfig config)
        : this(config, StoreSeams.Real)
    {
    }

    /// <summary>Opens a store in the default directory with another total limit (the specification's constructor).</summary>
    public MmapManager(int totalMemoryMb)
        : this(new MemoryConfig { TotalMemoryMb = totalMemoryMb })
    {
    }

    internal MmapManager(MemoryConfig config, StoreSeams seams)
    {
        _tallyNumber = _tally.Number;
        ArgumentNullException.ThrowIfNull(config);
        if (string.IsNullOrEmpty(config.BasePath))
        {
            throw new ArgumentException("BasePath is empty; name the directory of the dimension files.", nameof(config));
        }

        ArgumentNullException.ThrowIfNull(config.Layout, nameof(config));
        ArgumentNullException.ThrowIfNull(config.PoolConfigs, nameof(config));
        if (config.TotalMemoryMb < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(config), config.TotalMemoryMb, "TotalMemoryMb must be 1 or more.");
        }

        if (config.PoolConfigs.Count == 0)
        {
            throw new ArgumentException("PoolConfigs is empty; give at least one pool.", nameof(config));
        }

        if (config.UnloadTimeout < TimeSpan.Zero || config.UnloadTimeout > TimeSpan.FromDays(1))
        {
            // For ever is refused: one forgotten bracket would hang every unload and the close.
            throw new ArgumentOutOfRangeException(nameof(config), config.UnloadTimeout, "UnloadTimeout must be zero to one day.");
        }

        if (config.Eviction is not (EvictionPolicy.Lru or EvictionPolicy.Lfu) || config.Residency is not (Residency.Shared or Residency.Private))
        {
            throw new ArgumentOutOfRangeException(nameof(config), $"Eviction {config.Eviction} or Residency {config.Residency} is not a defined value.");
        }

        Config = config;
        _seams = seams;
        _basePath = Path.GetFullPath(config.BasePath);
        long limit = (long)config.TotalMemoryMb << 20;
        Budget = new MemoryBudget("memory budget", limit, new PressureThresholds(config.WarningThreshold, config.EvictionThreshold, config.CriticalThreshold));
        _thresholdBytes = EvictionPlanner.ThresholdBytes(limit, config.EvictionThreshold);
        _catalog = new Lazy<DimensionCatalog>(() => config.SimulationDataPath is null ? DimensionCatalog.Default : DimensionCatalog.Load(config.SimulationDataPath));
        if (config is { Simulate: true, SimulationDataPath: not null })
        {
            // Somebody's own data is read now, so that what is wrong with it shows here and not at some later access.
            _ = _catalog.Value;
        }

        _pool = new Lazy<PoolAllocator>(() =>
        {
            ThrowIfClosed();
            PoolAllocator pool = new(config.PoolConfigs, Math.Min(limit, config.PoolConfigs.Sum(static p => p.CapacityBytes)), Budget);
            AllocatorRegistry.Register(pool, $"pool of {config.BasePath}");
            return pool;
        });
        _blocks = new Lazy<EventLayer>(() => new EventLayer(Pool, name: $"pool of {config.BasePath}"));
        Budget.PressureChanged += OnPressureChanged;
        try
        {
            using MutationScope mutation = new(this);
            OpenDirectory();
        }
        catch
        {
            Close();
            throw;
        }
    }

    /// <summary>Raised when the budget crosses a threshold, on the thread that made it cross, after the operation that did is complete.</summary>
    public event EventHandler<PressureChangedEventArgs>? PressureChanged;

    /// <summary>How the store was configured.</summary>
    public MemoryConfig Config { get; }

    /// <summary>The pool. Its committed memory counts against the store's budget. Made at first use.</summary>
    /// <exception cref="ArgumentException">The configured pools contradict each other.</exception>
    public PoolAllocator Pool => _pool.Value;

    /// <summary>The pool as blocks are taken from it: what happens there is told by <see cref="ToolkitEventSource"/>. The store's own blocks come from here, too.</summary>
    /// <exception cref="ArgumentException">The configured pools contradict each other.</exception>
    public MemoryAllocator Blocks => _blocks.Value;

    /// <summary>The owner that blocks of <see cref="Pool"/> bear which the store itself holds, for proto-dimensions and decompressed layers. They are the store's to write and to free: whoever
    /// gives blocks back that he did not ask for leaves these alone.</summary>
    public static OwnerId BlockOwner => new(-1);

    /// <summary>The budget.</summary>
    public MemoryBudget Budget { get; }

    /// <summary>Every dimension the store knows of, ascending.</summary>
    /// <exception cref="ObjectDisposedException">The store is closed.</exception>
    public IReadOnlyList<DimensionStatus> GetDimensions()
    {
        lock (_gate)
        {
            ThrowIfClosed();
            return [.. _records.Values.Select(static r => r.ToStatus())];
        }
    }

    /// <summary>
    /// A dimension as <see cref="GetDimensions"/> gave it, with header and metadata if it answers from the simulation: its image, which has them, is made for that unless it was used before.
    /// Any other is returned as it is.
    /// </summary>
    /// <exception cref="RegionNotFoundException">The dimension was unloaded meanwhile.</exception>
    /// <exception cref="DimensionNotFoundException">There is no such dimension any more.</exception>
    /// <exception cref="LimitExceededException">The budget has no room for the image, even after eviction.</exception>
    /// <exception cref="ObjectDisposedException">The store is closed, and the image was not made before.</exception>
    public DimensionStatus Describe(DimensionStatus dimension)
    {
        ArgumentNullException.ThrowIfNull(dimension);
        if (dimension is not { State: DimensionState.Simulated, Descriptor: null })
        {
            return dimension;
        }

        MakeReady(dimension.Id, 0, null);
        lock (_gate)
        {
            return _records.TryGetValue(dimension.Id.Value, out DimensionRecord? record) ? record.ToStatus() : dimension;
        }
    }

    /// <summary>Closes the store: waits for readers, unmaps everything, gives the pool back. What a reader still holds after <see cref="MemoryConfig.UnloadTimeout"/> is given back when it has left. A second call does nothing.</summary>
    public void Close()
    {
        using MutationScope mutation = new(this);
        List<LoadedRegion> regions;
        lock (_gate)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            _table = [];
            regions = [.. _records.Values.Where(static r => r.Region is not null).Select(static r => r.Region!), .. _parked];
            _records.Clear();
            _parked.Clear();
        }

        AbandonPrototypes();
        Budget.PressureChanged -= OnPressureChanged;
        if (Drain(Config.UnloadTimeout))
        {
            FreeAll(regions);
        }
        else
        {
            ParkingLot.Leave(() => FreeAll(regions));
        }
    }

    /// <summary>Same as <see cref="Close"/>.</summary>
    public void Dispose() => Close();

    private void FreeAll(List<LoadedRegion> regions)
    {
        regions.ForEach(Free);

        // The pool goes last: decompressed layers lie in its blocks.
        if (_pool.IsValueCreated)
        {
            AllocatorRegistry.Unregister(_pool.Value);
            MemoryAllocator outermost = _blocks.IsValueCreated ? _blocks.Value : _pool.Value;
            outermost.Dispose();
        }
    }

    private void ThrowIfClosed() => ObjectDisposedException.ThrowIf(_closed, this);

    private void OnPressureChanged(object? sender, PressureChangedEventArgs e)
    {
        ToolkitEventSource log = ToolkitEventSource.Log;
        if (log.IsEnabled(EventLevel.Informational, ToolkitEventSource.Keywords.Pressure))
        {
            log.PressureChanged($"pool of {Config.BasePath}", e.Previous.ToString(), e.Current.ToString(), e.LimitBytes == 0 ? 0 : e.UsedBytes * 100.0 / e.LimitBytes);
        }

        // A handler may call back into the store. It must find it between two operations, never inside one.
        if (_mutation.IsHeldByCurrentThread)
        {
            lock (_pressureEvents)
            {
                _pressureEvents.Enqueue(e);
            }
        }
        else
        {
            PressureChanged?.Invoke(this, e);
        }
    }

    private void RaisePressureEvents()
    {
        while (!_mutation.IsHeldByCurrentThread && TryTakePressureEvent() is { } e)
        {
            PressureChanged?.Invoke(this, e);
        }
    }

    private PressureChangedEventArgs? TryTakePressureEvent()
    {
        lock (_pressureEvents)
        {
            return _pressureEvents.TryDequeue(out PressureChangedEventArgs? e) ? e : null;
        }
    }

    /// <summary>
    /// Waits for the operation that another thread is in. That one may be waiting for readers, and this thread may be one: it says so, and the other gives up
    /// waiting, sets its region aside and goes on. Without that both would wait until the time-out.
    /// </summary>
    private void WaitForMutation()
    {
        if (!ReaderRegistry.CurrentSlot.IsInside)
        {
            _mutation.Enter();
            return;
        }

        Interlocked.Increment(ref _readersWaiting);
        try
        {
            _mutation.Enter();
        }
        finally
        {
            Interlocked.Decrement(ref _readersWaiting);
        }
    }

    /// <summary>Waits until nobody reads what was unpublished before the call. False when that took too long, or cannot happen because this thread or one that waits for it reads.</summary>
    private bool Drain(TimeSpan timeout) => _seams.Drain(timeout, () => Volatile.Read(ref _readersWaiting) != 0);

    /// <summary>One operation that changes what is in memory. Pressure that it causes is announced when it is over.</summary>
    private readonly ref struct MutationScope
    {
        private readonly MmapManager _store;

        public MutationScope(MmapManager store)
        {
            _store = store;
            if (!store._mutation.TryEnter())
            {
                store.WaitForMutation();
            }
        }

        public void Dispose()
        {
            _store._mutation.Exit();
            _store.RaisePressureEvents();
        }
    }
}

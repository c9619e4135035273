using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>An open store, as <c>Open-DimensionStore</c> gives it and <c>-Store</c> takes it.</summary>
public sealed class DimensionStoreSession : BlockSource
{
    // Much sooner than anybody can have typed the command that watches a store just opened.
    private static readonly TimeSpan MeterDelay = TimeSpan.FromSeconds(0.25);

    private readonly List<ProtoDimensionInfo> _protos = [];
    private readonly Task<StoreMeter?> _meter;
    private int _closed;

    internal DimensionStoreSession(int number, MmapManager manager)
    {
        Number = number;
        Manager = manager;
        BasePath = manager.Config.BasePath;
        Residency = manager.Config.Residency;
        LimitBytes = manager.Budget.LimitBytes;

        // What dotnet-counters sees. Later and on a thread of its own: making the instruments is a third as much work as opening the store, and so would be the runtime's
        // first timer; whoever opens a store waits for answers.
        _meter = Task.Factory.StartNew(ShowMeter, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Number of the store in this process, from 1.</summary>
    public int Number { get; }

    /// <summary>Directory of its dimension files.</summary>
    public string BasePath { get; }

    /// <summary>Whether it can be used.</summary>
    public override bool IsOpen => Volatile.Read(ref _closed) == 0;

    /// <summary>Whether commands without <c>-Store</c> use it.</summary>
    public bool IsDefault => ReferenceEquals(OpenStores.Default, this);

    /// <summary>Where the bytes of its dimensions live.</summary>
    public Residency Residency { get; }

    /// <summary>The most memory it may use, in bytes.</summary>
    public long LimitBytes { get; }

    /// <summary>How many dimensions answer from files; 0 once it is closed.</summary>
    public int DimensionsLoaded => IsOpen ? Manager.GetStats().DimensionsLoaded : 0;

    /// <summary>How many dimensions answer from the simulation; 0 once it is closed.</summary>
    public int SimulatedDimensions => IsOpen ? Manager.GetStats().SimulatedDimensions : 0;

    /// <summary>The library's own object, for what has no cmdlet.</summary>
    public MmapManager Manager { get; }

    /// <summary>The pool that blocks come from.</summary>
    internal PoolAllocator Pool => Manager.Pool;

    /// <inheritdoc/>
    internal override MemoryAllocator Blocks => Manager.Blocks;

    /// <inheritdoc/>
    internal override MemoryBudget MemoryBudget => Manager.Budget;

    /// <inheritdoc/>
    internal override bool HoldsBlocksOf(OwnerId owner) => owner == MmapManager.BlockOwner;

    /// <inheritdoc/>
    internal override bool HoldsBlockAt(long address) => Pool.TryGetOwner((nint)address, out OwnerId owner) && HoldsBlocksOf(owner);

    /// <inheritdoc/>
    internal override string ShownName => AllocatorRegistry.All.Where(shown => ReferenceEquals(shown.Allocator, Pool)).Select(shown => shown.Name).FirstOrDefault() ?? $"pool of {BasePath}";

    /// <inheritdoc/>
    internal override string Describe() => $"the pool of {BasePath}";

    internal ProtoDimensionInfo[] Protos
    {
        get
        {
            lock (_protos)
            {
                return [.. _protos];
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => BasePath;

    internal void Add(ProtoDimensionInfo proto)
    {
        lock (_protos)
        {
            _protos.Add(proto);
        }
    }

    internal void Remove(ProtoDimensionInfo proto)
    {
        lock (_protos)
        {
            _protos.Remove(proto);
        }
    }

    internal void CloseCore()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
        {
            return;
        }

        lock (BlockGate)
        {
            foreach (ProtoDimensionInfo proto in Protos)
            {
                proto.Discard();
            }

            Manager.Close();
        }

        _meter.ContinueWith(static made => made.Result?.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
    }

    private StoreMeter? ShowMeter()
    {
        Thread.Sleep(MeterDelay);
        return IsOpen ? new StoreMeter(Manager) : null;
    }
}

using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>An allocator, as <c>New-MemoryAllocator</c> gives it and <c>-Allocator</c> takes it, by object or by name. All sizes are bytes.</summary>
public sealed class MemoryAllocatorSession : BlockSource
{
    private readonly MemoryAllocator _outermost;
    private int _disposed;

    internal MemoryAllocatorSession(string name, AllocatorKind kind, MemoryAllocator core, MemoryAllocator outermost, MemoryBudget budget)
    {
        Name = name;
        Kind = kind.Name;
        Core = core;
        _outermost = outermost;
        Budget = budget;
    }

    /// <summary>Its name in this process, unlike any other's.</summary>
    public string Name { get; }

    /// <summary>Which allocator of the toolkit it is: general, slab, buddy, …</summary>
    public string Kind { get; }

    /// <inheritdoc/>
    public override bool IsOpen => Volatile.Read(ref _disposed) == 0;

    /// <summary>Blocks in use.</summary>
    public long LiveBlocks => Statistics.LiveBlocks;

    /// <summary>Usable bytes in them.</summary>
    public long LiveBytes => Statistics.LiveBytes;

    /// <summary>Bytes committed.</summary>
    public long CommittedBytes => Statistics.CommittedBytes;

    /// <summary>The most it may commit.</summary>
    public long LimitBytes => Budget.LimitBytes;

    /// <summary>How near the limit it is.</summary>
    public PressureLevel Pressure => Budget.Pressure;

    /// <summary>Every statistic, as of now; after <c>Remove-MemoryAllocator</c> the last ones.</summary>
    public AllocatorStatistics Statistics => _outermost.GetStatistics();

    /// <summary>What it commits is charged here; its event <c>PressureChanged</c> tells of the thresholds.</summary>
    public MemoryBudget Budget { get; }

    /// <inheritdoc/>
    internal override MemoryAllocator Blocks => _outermost;

    /// <inheritdoc/>
    internal override MemoryBudget MemoryBudget => Budget;

    /// <summary>The allocator without the layers around it, for what only its kind can do.</summary>
    internal MemoryAllocator Core { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <inheritdoc/>
    internal override string Describe() => $"allocator {Name}";

    /// <summary>Gives all memory back. A second call does nothing.</summary>
    internal void Close()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            lock (BlockGate)
            {
                _outermost.Dispose();
            }
        }
    }
}

using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>
/// What a diagnosis finds where no call can be told: a block that was written to after it was freed, guards that are damaged when the allocator is emptied. Kept for whoever asks, and for the next
/// cmdlet to tell. Thread-safe: findings come on the thread that met them.
/// </summary>
internal sealed class FaultLog(string allocator)
{
    private readonly Lock _lock = new();
    private readonly List<MemoryFaultInfo> _all = [];
    private readonly Queue<MemoryFaultInfo> _untold = new();

    /// <summary>All of them, the first <see cref="DiagnosticLayer.MaxRecords"/>.</summary>
    public IReadOnlyList<MemoryFaultInfo> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _all];
            }
        }
    }

    /// <summary>Keeps one that is still to be told.</summary>
    public void Add(MemoryFaultRecord record)
    {
        lock (_lock)
        {
            if (_all.Count < DiagnosticLayer.MaxRecords)
            {
                MemoryFaultInfo fault = new(allocator, record);
                _all.Add(fault);
                _untold.Enqueue(fault);
            }
        }
    }

    /// <summary>Takes those nobody was told of yet: some, and how many more there were.</summary>
    public (IReadOnlyList<MemoryFaultInfo> Some, int More) TakeUntold(int most)
    {
        lock (_lock)
        {
            MemoryFaultInfo[] some = [.. _untold.Take(most)];
            int more = _untold.Count - some.Length;
            _untold.Clear();
            return (some, more);
        }
    }
}

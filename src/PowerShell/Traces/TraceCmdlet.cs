using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Base of the cmdlets that replay allocation traces.</summary>
public abstract class TraceCmdlet : FileCmdlet
{
    /// <summary>The most an allocator may commit, in bytes; enough for the trace when omitted.</summary>
    [Parameter]
    [ValidateRange(1L, 1L << 42)]
    public long LimitBytes { get; set; }

    /// <summary>Passes against the clock.</summary>
    [Parameter]
    [ValidateRange(0, 1000)]
    public int Passes { get; set; } = new TraceReplayOptions().TimedPasses;

    private protected TraceReplayOptions Options => new() { TimedPasses = Passes, Cancellation = StopToken };

    private protected override void ProcessFile(string path)
    {
        AllocationTrace? trace = null;
        if (Try(path, () => trace = Load(path)))
        {
            Replay(path, trace!);
        }
    }

    private AllocationTrace Load(string path)
    {
        AllocationTrace trace = AllocationTrace.Load(path, cancellation: StopToken);
        if (LimitBytes == 0)
        {
            TraceReplayer.RequireMemory(trace);
        }

        return trace;
    }

    private protected abstract void Replay(string path, AllocationTrace trace);

    /// <summary>Finds the allocators by name; an unknown one ends the command.</summary>
    private protected AllocatorKind[] Find(IEnumerable<string> names)
    {
        var kinds = new List<AllocatorKind>();
        foreach (string name in names)
        {
            Demand(name, () => kinds.Add(AllocatorCatalog.Find(name)));
        }

        return [.. kinds];
    }

    private protected void Replay(string path, AllocationTrace trace, AllocatorKind kind, double? nativeNs)
    {
        long limit = LimitBytes == 0 ? TraceReplayer.SuggestCapacity(trace, kind) : Math.Min(LimitBytes, kind.MaxCapacityBytes);
        Try(path, () =>
        {
            using MemoryAllocator allocator = kind.Create(new AllocatorSettings { CapacityBytes = limit });
            WriteObject(new AllocationTraceReplay(path, kind.Name, limit, TraceReplayer.Replay(trace, allocator, Options), nativeNs));
        });
    }
}

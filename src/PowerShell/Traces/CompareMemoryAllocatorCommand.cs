using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Replays allocation traces through several allocators and through the system's.</summary>
[Cmdlet(VerbsData.Compare, "MemoryAllocator", DefaultParameterSetName = PathSet)]
[OutputType(typeof(AllocationTraceReplay))]
public sealed class CompareMemoryAllocatorCommand : TraceCmdlet
{
    private AllocatorKind[] _kinds = [];

    /// <summary>Which allocators; all when omitted.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(AllocatorKindCompleter))]
    public string[] Allocator { get; set; } = [.. AllocatorCatalog.All.Select(kind => kind.Name)];

    /// <inheritdoc/>
    protected override void BeginProcessing() => _kinds = Find(Allocator);

    private protected override void Replay(string path, AllocationTrace trace)
    {
        double? native = null;
        if (Passes > 0 && !Try(path, () => native = TraceReplayer.TimeNativeMemory(trace, Options)))
        {
            return;
        }

        foreach (AllocatorKind kind in _kinds)
        {
            Replay(path, trace, kind, native);
        }
    }
}

using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Replays allocation traces through an allocator and measures it.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "AllocationTrace", DefaultParameterSetName = PathSet)]
[OutputType(typeof(AllocationTraceReplay))]
public sealed class MeasureAllocationTraceCommand : TraceCmdlet
{
    private AllocatorKind? _kind;

    /// <summary>Which allocator.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(AllocatorKindCompleter))]
    public string Allocator { get; set; } = "general";

    /// <inheritdoc/>
    protected override void BeginProcessing() => _kind = Find([Allocator])[0];

    private protected override void Replay(string path, AllocationTrace trace) => Replay(path, trace, _kind!, nativeNs: null);
}

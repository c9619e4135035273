using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Collects: frees what nobody can use any more, merges free blocks and gives memory back.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "MemoryCollection", SupportsShouldProcess = true, DefaultParameterSetName = StrategySet)]
[OutputType(typeof(MemoryCollection))]
public sealed class InvokeMemoryCollectionCommand : ChosenAllocatorCmdlet
{
    private const string StrategySet = "Strategy";
    private const string ThresholdSet = "Threshold";
    private const string OwnerSet = "Owner";

    /// <summary>Global (the default): all owners. Threshold: owners with more than the collector's threshold. Unreferenced: only what has lost its owner or handle.</summary>
    [Parameter(ParameterSetName = StrategySet)]
    [ValidateSet("Global", "Threshold", "Unreferenced")]
    public string Strategy { get; set; } = "Global";

    /// <summary>Collect from owners that have at least this many bytes.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ThresholdSet)]
    [ValidateRange(1L, long.MaxValue)]
    public long ThresholdBytes { get; set; }

    /// <summary>Collect from this owner.</summary>
    [Parameter(Mandatory = true, ParameterSetName = OwnerSet)]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(OwnerCompleter))]
    public int Owner { get; set; }

    private protected override void Process(MemoryAllocatorSession session)
    {
        if (session.Collector is not { } collector)
        {
            WriteError(Errors.OperationNotSupported(session, "collect", "segregated"));
            return;
        }

        CollectionStrategy strategy = Chosen();
        CollectorStatistics statistics = default;
        if (ShouldProcess(session.Name, $"Collect memory ({strategy.Name})") && Try(session, () => statistics = session.Collect(collector, strategy)))
        {
            WriteObject(new MemoryCollection(session.Name, statistics));
        }
    }

    private CollectionStrategy Chosen() => ParameterSetName switch
    {
        ThresholdSet => CollectionStrategy.Threshold(ThresholdBytes),
        OwnerSet => CollectionStrategy.Targeted(new OwnerId(Owner)),
        _ => Strategy switch
        {
            "Threshold" => CollectionStrategy.DefaultThreshold,
            "Unreferenced" => CollectionStrategy.Unreferenced,
            _ => CollectionStrategy.Global,
        },
    };
}

using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Takes a snapshot of the memory of a store, or of allocators.</summary>
[Cmdlet(VerbsCommon.Get, "MemStats", DefaultParameterSetName = StoreSet)]
[OutputType(typeof(MemStats), typeof(AllocatorStats))]
public sealed class GetMemStatsCommand : StoreCmdlet
{
    private const string StoreSet = "Store";
    private const string ObjectSet = "InputObject";

    /// <inheritdoc/>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = StoreSet)]
    [AllowNull]
    public override DimensionStoreSession? Store { get; set; }

    /// <summary>A snapshot of every open store.</summary>
    [Parameter(ParameterSetName = StoreSet)]
    public SwitchParameter All { get; set; }

    /// <summary>Names or patterns of allocators; snapshots of these are written instead of a store's.</summary>
    [Parameter(ParameterSetName = StoreSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(RegisteredAllocatorCompleter))]
    public string[]? Allocator { get; set; }

    // Of its own type: a parameter of names would take a string of every object, also of those that come with their store.

    /// <summary>An allocator, as New-MemoryAllocator and Get-MemoryAllocator give it.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ObjectSet)]
    [ValidateNotNull]
    public MemoryAllocatorSession InputObject { get; set; } = null!;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == ObjectSet)
        {
            if (InputObject.IsOpen)
            {
                WriteAllocators(InputObject.Name);
            }
            else
            {
                WriteError(Errors.AllocatorClosed(InputObject));
            }

            return;
        }

        // Who works with allocators alone means these.
        bool isStoreMeant = All || MyInvocation.BoundParameters.ContainsKey(nameof(Store)) || OpenStores.Default is not null || OpenAllocators.All.Length == 0;
        if (Allocator is not null || !isStoreMeant)
        {
            ShownAllocators.ShowPools();
            foreach (string name in Allocator ?? ["*"])
            {
                WriteAllocators(name);
            }

            return;
        }

        DimensionStoreSession[] sessions = All ? OpenStores.All : [RequireStore()];
        foreach (DimensionStoreSession session in sessions)
        {
            MemStats? stats = null;
            if (Try(session, () => stats = new MemStats(session)))
            {
                WriteObject(stats);
            }
        }
    }

    private void WriteAllocators(string name)
    {
        if (!Patterns.IsPattern(name))
        {
            if (AllocatorRegistry.TryFind(name, out MemoryAllocator? found))
            {
                Write(found, name);
            }
            else
            {
                WriteError(Errors.AllocatorNotFound(name));
            }

            return;
        }

        foreach (RegisteredAllocator shown in AllocatorRegistry.All.Where(shown => Patterns.IsMatch(name, shown.Name)))
        {
            Write(shown.Allocator, shown.Name);
        }
    }

    private void Write(MemoryAllocator allocator, string name)
    {
        PSObject? stats = null;
        if (Try(name, () => stats = Describe(AllocatorReport.Create(allocator, name))))
        {
            WriteObject(stats);
        }
    }

    /// <summary>Adds every statistic that the class does not show of itself, so that the one list of fields decides what there is.</summary>
    private static PSObject Describe(AllocatorReport report)
    {
        PSObject stats = new(new AllocatorStats(report));
        foreach (StatisticsField<AllocatorStatistics> field in Statistics.Fields<AllocatorStatistics>())
        {
            if (typeof(AllocatorStats).GetProperty(field.Property) is null)
            {
                stats.Properties.Add(new PSNoteProperty(field.Property, field.GetValue(report.Statistics)));
            }
        }

        return stats;
    }
}

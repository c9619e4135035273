using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Takes a snapshot of the memory of a store, or of allocators.</summary>
[Cmdlet(VerbsCommon.Get, "MemStats")]
[OutputType(typeof(MemStats), typeof(AllocatorStats))]
public sealed class GetMemStatsCommand : StoreCmdlet
{
    /// <summary>A snapshot of every open store.</summary>
    [Parameter]
    public SwitchParameter All { get; set; }

    /// <summary>Names or patterns of allocators; snapshots of these are written instead of a store's.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(RegisteredAllocatorCompleter))]
    public string[]? Allocator { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
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

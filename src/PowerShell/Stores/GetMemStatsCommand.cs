using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Takes a snapshot of the memory of a store.</summary>
[Cmdlet(VerbsCommon.Get, "MemStats")]
[OutputType(typeof(MemStats))]
public sealed class GetMemStatsCommand : StoreCmdlet
{
    /// <summary>A snapshot of every open store.</summary>
    [Parameter]
    public SwitchParameter All { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
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
}

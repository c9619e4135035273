using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Takes dimensions out of memory; their files stay.</summary>
[Cmdlet(VerbsData.Dismount, "Dimension", SupportsShouldProcess = true)]
[OutputType(typeof(DimensionInfo))]
public sealed class DismountDimensionCommand : StoreCmdlet
{
    /// <summary>The dimensions: D01, D02, … or patterns.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [TakesProperty(nameof(Id))]
    [ArgumentCompleter(typeof(DimensionIdCompleter))]
    public string[] Id { get; set; } = [];

    /// <summary>Write the dimension as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        DimensionStoreSession session = RequireStore();
        foreach (string id in Id)
        {
            // A pattern means "whichever are loaded"; a name means this one, so that it is an error when it is not.
            bool isPattern = Patterns.IsPattern(id);
            foreach (DimensionStatus status in SelectDimensions(session, [id]).ToList())
            {
                if (!isPattern || status.State == DimensionState.Loaded)
                {
                    Dismount(session, status);
                }
            }
        }
    }

    private void Dismount(DimensionStoreSession session, DimensionStatus status)
    {
        if (!ShouldProcess($"{status.Id} {status.Name} of {session.BasePath}", "Dismount dimension"))
        {
            return;
        }

        bool unloaded = false;
        if (!Try(status.Id, () => unloaded = session.Manager.UnloadDimension(status.Id)))
        {
            return;
        }

        if (!unloaded)
        {
            WriteError(Errors.DimensionNotMounted(status.Id));
        }
        else if (PassThru)
        {
            DimensionStatus now = session.Manager.GetDimensions().FirstOrDefault(candidate => candidate.Id == status.Id) ?? status with { State = DimensionState.NotLoaded };
            WriteObject(new DimensionInfo(now, session));
        }
    }
}

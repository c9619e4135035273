using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Lists the dimensions of a store.</summary>
[Cmdlet(VerbsCommon.Get, "Dimension", DefaultParameterSetName = IdSet)]
[OutputType(typeof(DimensionInfo))]
public sealed class GetDimensionCommand : StoreCmdlet
{
    private const string IdSet = "Id";
    private const string NameSet = "Name";
    private static readonly string[] Everything = ["*"];

    /// <summary>The dimensions: D01, D02, … or patterns; all when omitted.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = IdSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [TakesProperty(nameof(Id))]
    [ArgumentCompleter(typeof(DimensionIdCompleter))]
    public string[]? Id { get; set; }

    /// <summary>The dimensions by name; wildcards allowed.</summary>
    [Parameter(Mandatory = true, ParameterSetName = NameSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DimensionNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>Only dimensions in one of these states.</summary>
    [Parameter]
    public DimensionState[]? State { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        DimensionStoreSession session = RequireStore();
        IEnumerable<DimensionStatus> found = ParameterSetName == NameSet ? SelectByName(session) : SelectDimensions(session, Id ?? Everything);
        foreach (DimensionStatus status in found)
        {
            if (State is not null && !State.Contains(status.State))
            {
                continue;
            }

            DimensionStatus described = status;
            if (Try(status.Id, () => described = session.Manager.Describe(status)))
            {
                WriteObject(new DimensionInfo(described, session));
            }
        }
    }

    private IEnumerable<DimensionStatus> SelectByName(DimensionStoreSession session)
    {
        IReadOnlyList<DimensionStatus> all = session.Manager.GetDimensions();
        foreach (string name in Name)
        {
            bool isPattern = Patterns.IsPattern(name);
            bool any = false;
            foreach (DimensionStatus status in all)
            {
                if (status.Name is not null && Patterns.IsMatch(name, status.Name))
                {
                    any = true;
                    yield return status;
                }
            }

            if (!any && !isPattern)
            {
                WriteError(Errors.DimensionNameNotFound(name, session));
            }
        }
    }
}

using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Loads dimensions into a store, or reloads those whose file was replaced.</summary>
[Cmdlet(VerbsData.Mount, "Dimension", SupportsShouldProcess = true, DefaultParameterSetName = IdSet)]
[OutputType(typeof(DimensionInfo))]
public sealed class MountDimensionCommand : StoreCmdlet
{
    private const string IdSet = "Id";
    private const string PathSet = "Path";
    private const string LiteralSet = "LiteralPath";

    /// <summary>The dimensions: D01, D02, … or patterns of those the store knows.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = IdSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DimensionIdCompleter))]
    public string[] Id { get; set; } = [];

    /// <summary>Files to load from, wherever they are; wildcards allowed.</summary>
    // By property name although nobody needs that: a set that no pipeline can fill makes PowerShell settle on the default one before it has seen the object, and a file's path is then taken for an id.
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    /// <summary>Files to load from, taken as written.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralSet)]
    [Alias("PSPath")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        DimensionStoreSession session = RequireStore();
        if (ParameterSetName == IdSet)
        {
            foreach (string id in Id)
            {
                MountById(session, id);
            }

            return;
        }

        bool literal = ParameterSetName == LiteralSet;
        foreach (string path in Paths.ResolveFiles(literal ? LiteralPath : Path, literal))
        {
            MountFile(session, path);
        }
    }

    private void MountById(DimensionStoreSession session, string id)
    {
        if (Patterns.IsPattern(id))
        {
            foreach (DimensionStatus status in session.Manager.GetDimensions())
            {
                if (Patterns.IsIdMatch(id, status.Id.ToString()))
                {
                    Mount(session, status.Id, null);
                }
            }
        }
        else if (TryParseDimension(id, out DimensionId wanted))
        {
            Mount(session, wanted, null);
        }
    }

    private void MountFile(DimensionStoreSession session, string path)
    {
        // The file says which dimension it holds; the store checks that it may be that one.
        DimensionId id = default;
        if (!Try(path, () => id = DimensionFile.ReadDescriptor(path).Id))
        {
            return;
        }

        Mount(session, id, path);
    }

    private void Mount(DimensionStoreSession session, DimensionId id, string? path)
    {
        if (!ShouldProcess(path is null ? $"{id} of {session.BasePath}" : $"{id} from {path}", "Mount dimension"))
        {
            return;
        }

        DimensionStatus? status = null;
        if (Try(path ?? (object)id, () => status = path is null ? session.Manager.LoadDimension(id) : session.Manager.LoadDimension(id, path)))
        {
            WriteObject(new DimensionInfo(status!, session));
        }
    }
}

using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Reads header and metadata of dimension files.</summary>
[Cmdlet(VerbsCommon.Get, "DimensionFile", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DimensionFileInfo))]
public sealed class GetDimensionFileCommand : DimensionCmdlet
{
    private const string PathSet = "Path";
    private const string LiteralSet = "LiteralPath";

    /// <summary>The files; wildcards allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    /// <summary>The files, taken as written.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralSet)]
    [Alias("PSPath", "FilePath")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        bool literal = ParameterSetName == LiteralSet;
        foreach (string path in Paths.ResolveFiles(literal ? LiteralPath : Path, literal))
        {
            DimensionFileInfo? info = null;
            if (Try(path, () => info = new DimensionFileInfo(path, DimensionFile.ReadDescriptor(path))))
            {
                WriteObject(info);
            }
        }
    }
}

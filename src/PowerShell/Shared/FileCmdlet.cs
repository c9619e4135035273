using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Base of the cmdlets that do the same with each of the files given: by <see cref="Path"/> with wildcards, or by <see cref="LiteralPath"/>.</summary>
public abstract class FileCmdlet : DimensionCmdlet
{
    private protected const string PathSet = "Path";
    private protected const string LiteralSet = "LiteralPath";

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
    protected sealed override void ProcessRecord()
    {
        bool literal = ParameterSetName == LiteralSet;
        foreach (string path in Paths.ResolveFiles(literal ? LiteralPath : Path, literal))
        {
            ProcessFile(path);
        }
    }

    /// <summary>Does it with one file, and reports what is wrong with it without ending the command.</summary>
    private protected abstract void ProcessFile(string path);
}

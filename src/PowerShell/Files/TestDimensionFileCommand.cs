using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Checks every byte of dimension files.</summary>
[Cmdlet(VerbsDiagnostic.Test, "DimensionFile", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DimensionFileTest), typeof(bool))]
public sealed class TestDimensionFileCommand : DimensionCmdlet
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

    /// <summary>True or false alone.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        bool literal = ParameterSetName == LiteralSet;
        foreach (string path in Paths.ResolveFiles(literal ? LiteralPath : Path, literal))
        {
            VerificationResult? result = null;
            if (Try(path, () => result = DimensionFile.Verify(path, StopToken)))
            {
                WriteObject(Quiet ? result!.IsValid : new DimensionFileTest(result!));
            }
        }
    }
}

using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Checks every byte of dimension files.</summary>
[Cmdlet(VerbsDiagnostic.Test, "DimensionFile", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DimensionFileTest), typeof(bool))]
public sealed class TestDimensionFileCommand : FileCmdlet
{
    /// <summary>True or false alone.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    private protected override void ProcessFile(string path)
    {
        VerificationResult? result = null;
        if (Try(path, () => result = DimensionFile.Verify(path, StopToken)))
        {
            WriteObject(Quiet ? result!.IsValid : new DimensionFileTest(result!));
        }
    }
}

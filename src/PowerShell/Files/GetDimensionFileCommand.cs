using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Reads header and metadata of dimension files.</summary>
[Cmdlet(VerbsCommon.Get, "DimensionFile", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DimensionFileInfo))]
public sealed class GetDimensionFileCommand : FileCmdlet
{
    private protected override void ProcessFile(string path)
    {
        DimensionFileInfo? info = null;
        if (Try(path, () => info = new DimensionFileInfo(path, DimensionFile.ReadDescriptor(path))))
        {
            WriteObject(info);
        }
    }
}

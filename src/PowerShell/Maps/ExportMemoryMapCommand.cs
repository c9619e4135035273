using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Writes a map of an allocator's memory, or of a store's pool, as an SVG image or an HTML page.</summary>
[Cmdlet(VerbsData.Export, "MemoryMap", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportMemoryMapCommand : MemoryMapCmdlet
{
    /// <summary>The file to make, .svg or .html; taken literally.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    /// <summary>About how many cells to draw.</summary>
    [Parameter]
    [ValidateRange(16, MemoryMap.MaxCells)]
    public int Cells { get; set; } = 6144;

    /// <summary>Replace an existing file.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        string path = Paths.ResolveNew(Path);
        if (Directory.Exists(path))
        {
            ThrowTerminatingError(Errors.PathIsDirectory(path));
        }

        BlockSource source = RequireSource();
        Demand(path, () => MemoryMapFile.Check(path, Force));
        if (!ShouldProcess($"{path} of {source.Describe()}", "Export memory map"))
        {
            return;
        }

        string? written = null;
        if (Try(path, () => written = MemoryMapFile.Write(Draw(source, Cells), path, Force), source))
        {
            // As Get-Item gives it: with the path of PowerShell, and the mode and owner that the view of files shows.
            WriteObject(InvokeProvider.Item.Get([written!], force: true, literalPath: true), enumerateCollection: true);
        }
    }
}

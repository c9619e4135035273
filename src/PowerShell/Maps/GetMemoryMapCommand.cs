using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Draws what is live, free and not committed in an allocator, or in the pool of a store.</summary>
[Cmdlet(VerbsCommon.Get, "MemoryMap")]
[OutputType(typeof(MemoryMapInfo), typeof(string))]
public sealed class GetMemoryMapCommand : MemoryMapCmdlet
{
    /// <summary>About how many cells to draw.</summary>
    [Parameter]
    [ValidateRange(16, Memory.MemoryMap.MaxCells)]
    public int Cells { get; set; } = 1024;

    /// <summary>Cells in a line of the drawing.</summary>
    [Parameter]
    [ValidateRange(8, 512)]
    public int Width { get; set; } = 64;

    /// <summary>The drawing alone, as text.</summary>
    [Parameter]
    public SwitchParameter AsText { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        BlockSource source = RequireSource();
        MemoryMapInfo? map = null;
        if (Try(source, () => map = new MemoryMapInfo(Draw(source, Cells), Width, source)))
        {
            WriteObject(AsText ? map!.Text : map);
        }
    }
}

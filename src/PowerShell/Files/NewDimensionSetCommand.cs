using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Makes the files of all dimensions that a catalog describes.</summary>
[Cmdlet(VerbsCommon.New, "DimensionSet", SupportsShouldProcess = true)]
[OutputType(typeof(DimensionFileInfo))]
public sealed class NewDimensionSetCommand : DimensionCmdlet
{
    /// <summary>Directory that gets the files; taken literally, made if it is not there.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = "";

    /// <summary>The catalog, a JSON file; the one that ships with the module when omitted.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? CatalogPath { get; set; }

    /// <summary>Replace existing files; immutable ones are kept.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        string destination = Paths.ResolveNew(Destination);
        string? catalogPath = CatalogPath is null ? null : Paths.ResolveNew(CatalogPath);
        if (File.Exists(destination))
        {
            ThrowTerminatingError(Errors.PathIsNotDirectory(destination));
        }

        DimensionCatalog? catalog = null;
        Demand(catalogPath, () => catalog = catalogPath is null ? DimensionCatalog.Default : DimensionCatalog.Load(catalogPath));
        if (!ShouldProcess($"{catalog!.Dimensions.Count} dimensions in {destination}", "Create dimension files"))
        {
            return;
        }

        IReadOnlyList<DimensionFileInfo> made = [];
        Demand(destination, () =>
        {
            int done = 0;
            IReadOnlyList<GeneratedFile> files = BackgroundWork.Run<GeneratedFile, IReadOnlyList<GeneratedFile>>(
                this,
                "Creating dimension files",
                file => ($"{file.Id} {file.Name}", Math.Min(100, ++done * 100 / Math.Max(1, catalog.Dimensions.Count))),
                (progress, token) => catalog.Generate(destination, Force, progress, token),
                StopToken);
            made = [.. files.Select(GeneratedFiles.Describe)];
        });
        WriteObject(made, enumerateCollection: true);
    }
}

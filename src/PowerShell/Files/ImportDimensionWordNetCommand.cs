using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Makes dimension files of WordNet 3.0.</summary>
[Cmdlet(VerbsData.Import, "DimensionWordNet", SupportsShouldProcess = true)]
[OutputType(typeof(DimensionFileInfo))]
public sealed class ImportDimensionWordNetCommand : DimensionCmdlet
{
    /// <summary>Directory that gets the files; taken literally, made if it is not there.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = "";

    /// <summary>Directory of data.noun, data.verb, data.adj and data.adv; taken literally.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string SourcePath { get; set; } = WordNetImporter.DefaultDirectory;

    /// <summary>Replace existing files; an immutable one stops the import before anything is written.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        string destination = Paths.ResolveNew(Destination);
        string source = Paths.ResolveNew(SourcePath);
        if (!WordNetImporter.IsInstalled(source))
        {
            ThrowTerminatingError(Errors.WordNetNotFound(source));
        }

        if (File.Exists(destination))
        {
            ThrowTerminatingError(Errors.PathIsNotDirectory(destination));
        }

        if (!ShouldProcess($"{source} into {destination}", "Import WordNet"))
        {
            return;
        }

        IReadOnlyList<DimensionFileInfo> made = [];
        Demand(destination, () =>
        {
            WordNetImportResult result = BackgroundWork.Run<WordNetImportProgress, WordNetImportResult>(
                this,
                "Importing WordNet",
                progress => (progress.Activity, (int)Math.Clamp(progress.Fraction * 100, 0, 100)),
                (progress, token) => WordNetImporter.Import(source, destination, Force, progress, token),
                StopToken);
            WriteVerbose($"{result.SynsetCount:N0} synsets with {result.LemmaCount:N0} lemmas in {result.Files.Count} files.");
            made = [.. result.Files.Select(GeneratedFiles.Describe)];
        });
        WriteObject(made, enumerateCollection: true);
    }
}

using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Lists the open stores.</summary>
[Cmdlet(VerbsCommon.Get, "DimensionStore", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DimensionStoreSession))]
public sealed class GetDimensionStoreCommand : DimensionCmdlet
{
    private const string PathSet = "Path";
    private const string DefaultSet = "Default";

    /// <summary>Directory of the store; wildcards allowed. All open stores when omitted.</summary>
    [Parameter(Position = 0, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[]? Path { get; set; }

    /// <summary>The store that commands use without -Store.</summary>
    [Parameter(Mandatory = true, ParameterSetName = DefaultSet)]
    public SwitchParameter Default { get; set; }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (Default)
        {
            DimensionStoreSession? session = OpenStores.Default;
            if (session is null)
            {
                ThrowTerminatingError(Errors.NoOpenStore());
            }

            WriteObject(session);
            return;
        }

        if (Path is null)
        {
            WriteObject(OpenStores.All, enumerateCollection: true);
            return;
        }

        foreach (string path in Path)
        {
            WriteMatches(path);
        }
    }

    private void WriteMatches(string path)
    {
        if (Patterns.IsPattern(path))
        {
            foreach (DimensionStoreSession session in OpenStores.All)
            {
                if (Patterns.IsMatch(path, session.BasePath))
                {
                    WriteObject(session);
                }
            }

            return;
        }

        string wanted = System.IO.Path.TrimEndingDirectorySeparator(Paths.ResolveNew(path));
        DimensionStoreSession[] found = [.. OpenStores.All.Where(session => System.IO.Path.TrimEndingDirectorySeparator(session.BasePath) == wanted)];
        if (found.Length == 0)
        {
            WriteError(Errors.StoreNotFound(path));
        }

        WriteObject(found, enumerateCollection: true);
    }
}

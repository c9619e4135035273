using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Lists the proto-dimensions that are open.</summary>
[Cmdlet(VerbsCommon.Get, "ProtoDimension")]
[OutputType(typeof(ProtoDimensionInfo))]
public sealed class GetProtoDimensionCommand : StoreCmdlet
{
    private static readonly string[] Everything = ["*"];

    /// <summary>Names; wildcards allowed. All when omitted.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ProtoDimensionCompleter))]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        ProtoDimensionInfo[] all = RequireStore().Protos;
        foreach (string name in Name ?? Everything)
        {
            bool isPattern = Patterns.IsPattern(name);
            ProtoDimensionInfo[] found = [.. all.Where(proto => Patterns.IsMatch(name, proto.Name))];
            if (found.Length == 0 && !isPattern)
            {
                WriteError(Errors.ProtoDimensionNotFound(name));
            }

            WriteObject(found, enumerateCollection: true);
        }
    }
}

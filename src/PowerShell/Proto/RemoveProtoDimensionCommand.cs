using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Gives up a proto-dimension and gives its pool memory back.</summary>
[Cmdlet(VerbsCommon.Remove, "ProtoDimension", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class RemoveProtoDimensionCommand : ProtoDimensionCmdlet
{
    /// <summary>The proto-dimension, or its name.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ProtoDimensionCompleter))]
    public PSObject Proto { get; set; } = null!;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        ProtoDimensionInfo proto = RequireProto(Proto);
        if (ShouldProcess($"{proto.Name} of {proto.Store.BasePath}", "Remove proto-dimension"))
        {
            Try(proto, proto.Discard);
        }
    }
}

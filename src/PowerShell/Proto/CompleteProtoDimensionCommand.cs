using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Crystallizes a proto-dimension: writes it to a file of the store, loads that, and gives the pool memory back.</summary>
[Cmdlet(VerbsLifecycle.Complete, "ProtoDimension", SupportsShouldProcess = true)]
[OutputType(typeof(DimensionInfo))]
public sealed class CompleteProtoDimensionCommand : ProtoDimensionCmdlet
{
    /// <summary>The proto-dimension, or its name.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ProtoDimensionCompleter))]
    public PSObject Proto { get; set; } = null!;

    /// <summary>The dimension it becomes, D15 or above; the first free one when omitted.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string? Id { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        ProtoDimensionInfo proto = RequireProto(Proto);
        DimensionId? id = null;
        if (Id is not null)
        {
            if (!TryParseDimension(Id, out DimensionId parsed))
            {
                return;
            }

            id = parsed;
        }

        if (!ShouldProcess($"{proto.Name} as {id?.ToString() ?? "the next free dimension"} of {proto.Store.BasePath}", "Crystallize proto-dimension"))
        {
            return;
        }

        DimensionStatus? status = null;
        if (Try(proto, () => status = proto.Store.Manager.Crystallize(proto.Proto, id)))
        {
            proto.MarkClosed();
            WriteObject(new DimensionInfo(status!, proto.Store));
        }
    }
}

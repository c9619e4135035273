using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Lists the layers of dimensions.</summary>
[Cmdlet(VerbsCommon.Get, "DimensionLayer")]
[OutputType(typeof(DimensionLayerInfo))]
public sealed class GetDimensionLayerCommand : StoreCmdlet
{
    private static readonly string[] Everything = ["*"];

    /// <summary>The dimensions: D01, D02, … or patterns; all when omitted.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [TakesProperty(nameof(Id))]
    [ArgumentCompleter(typeof(DimensionIdCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Only layers with these numbers.</summary>
    [Parameter(Position = 1)]
    [ValidateRange(0, 3)]
    public int[]? Layer { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        DimensionStoreSession session = RequireStore();
        foreach (string id in Id ?? Everything)
        {
            bool isPattern = Patterns.IsPattern(id);
            foreach (DimensionStatus status in SelectDimensions(session, [id]))
            {
                DimensionStatus described = status;
                if (Try(status.Id, () => described = session.Manager.Describe(status)))
                {
                    WriteLayers(session, described, isPattern);
                }
            }
        }
    }

    private void WriteLayers(DimensionStoreSession session, DimensionStatus status, bool isPattern)
    {
        if (status.Descriptor is null)
        {
            if (!isPattern)
            {
                WriteError(Errors.DimensionHasNoDescriptor(status));
            }

            return;
        }

        foreach (LayerDescriptor layer in status.Descriptor.Layers)
        {
            if (Layer is null || Layer.Contains(layer.Layer))
            {
                WriteObject(new DimensionLayerInfo(status, layer, session));
            }
        }

        foreach (int wanted in isPattern ? [] : Layer ?? [])
        {
            if (status.Descriptor.Layers.All(layer => layer.Layer != wanted))
            {
                LayerId id = new(status.Id, wanted);
                WriteError(Errors.From(new LayerNotFoundException(id), id));
            }
        }
    }
}

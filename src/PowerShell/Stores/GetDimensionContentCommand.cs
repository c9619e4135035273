using System.Management.Automation;
using System.Text;

namespace DimensionStore.PowerShell;

/// <summary>Reads the content of layers, as text or bytes.</summary>
[Cmdlet(VerbsCommon.Get, "DimensionContent")]
[OutputType(typeof(string), typeof(byte[]))]
public sealed class GetDimensionContentCommand : StoreCmdlet
{
    /// <summary>The layers, written D01:0.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [TakesProperty(nameof(LayerId))]
    [ArgumentCompleter(typeof(LayerIdCompleter))]
    public string[] LayerId { get; set; } = [];

    /// <summary>First byte to read, from the start of the layer.</summary>
    [Parameter]
    [ValidateRange(0L, long.MaxValue)]
    public long Offset { get; set; }

    /// <summary>How many bytes to read; to the end when omitted.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int? Count { get; set; }

    /// <summary>Write one byte array per layer instead of one text.</summary>
    [Parameter]
    public SwitchParameter AsByteStream { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        DimensionStoreSession session = RequireStore();
        foreach (string text in LayerId)
        {
            if (!TryParseLayer(text, out LayerId id))
            {
                continue;
            }

            byte[] content = [];
            if (Try(text, () => content = session.Manager.ReadLayer(id, Offset, Count)))
            {
                WriteObject(AsByteStream ? content : Encoding.UTF8.GetString(content), enumerateCollection: false);
            }
        }
    }
}

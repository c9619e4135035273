using System.Collections;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Begins a dimension whose entries are collected in pool memory.</summary>
[Cmdlet(VerbsCommon.New, "ProtoDimension", SupportsShouldProcess = true)]
[OutputType(typeof(ProtoDimensionInfo))]
public sealed class NewProtoDimensionCommand : StoreCmdlet
{
    /// <summary>Name of the dimension to be.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "";

    /// <summary>Keep it in the partition for user-specific dimensions.</summary>
    [Parameter]
    public SwitchParameter UserSpecific { get; set; }

    /// <summary>Frequency in hertz of every layer that -LayerSetting does not give one.</summary>
    [Parameter]
    [ValidateRange(0f, float.MaxValue)]
    public float Frequency { get; set; }

    /// <summary>Depth, frequency, keywords and codec per layer.</summary>
    [Parameter]
    [ValidateNotNull]
    public IDictionary? LayerSetting { get; set; }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        DimensionStoreSession session = RequireStore();
        Dictionary<int, LayerSettings> settings = [];
        List<int> declared = [];
        try
        {
            (settings, declared) = LayerSettingReader.Read(LayerSetting, Frequency, LayerCodec.None);
        }
        catch (PSArgumentException e)
        {
            ThrowTerminatingError(Errors.InvalidLayerSetting(e.Message, LayerSetting));
        }

        if (!ShouldProcess($"{Name} in {session.BasePath}", "Begin proto-dimension"))
        {
            return;
        }

        ProtoDimensionInfo? info = null;
        Demand(Name, () =>
        {
            ProtoDimension proto = session.Manager.CreateProtoDimension(Name, UserSpecific);
            foreach (int layer in declared)
            {
                settings.Remove(layer, out LayerSettings? own);
                proto.ConfigureLayer(layer, own!);
            }

            info = new ProtoDimensionInfo(proto, session, settings);
            session.Add(info);
        });
        WriteObject(info);
    }
}

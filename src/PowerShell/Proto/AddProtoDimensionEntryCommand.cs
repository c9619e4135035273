using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Adds entries to a proto-dimension.</summary>
[Cmdlet(VerbsCommon.Add, "ProtoDimensionEntry", SupportsShouldProcess = true)]
[OutputType(typeof(ProtoDimensionInfo))]
public sealed class AddProtoDimensionEntryCommand : ProtoDimensionCmdlet
{
    private ProtoDimensionInfo? _proto;
    private EntryReader? _reader;

    /// <summary>The proto-dimension, or its name.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ProtoDimensionCompleter))]
    public PSObject Proto { get; set; } = null!;

    /// <summary>An entry: an object with Layer, Keywords and Content, a row of a CSV file, a file, a text, bytes.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    [Alias("Content", "Entry")]
    [AllowNull]
    [AllowEmptyString]
    [AllowEmptyCollection]
    public PSObject? InputObject { get; set; }

    /// <summary>Layer of the entries that name none.</summary>
    [Parameter]
    [ValidateRange(0, 3)]
    public int Layer { get; set; }

    /// <summary>Keywords of the entries that have none of their own.</summary>
    [Parameter]
    [Alias("Keyword")]
    public string[]? Keywords { get; set; }

    /// <summary>Write the proto-dimension at the end.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        _proto = RequireProto(Proto);
        _reader = new EntryReader(Layer, Keywords, Paths.ResolveNew);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        // Entries are independent of each other until the file is made, so a bad one is reported and the next one taken.
        Try(InputObject, () =>
        {
            foreach (EntryInput entry in _reader!.Read(InputObject))
            {
                Add(entry);
            }
        });
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        Try(null, () =>
        {
            if (_reader!.TakeLooseBytes() is EntryInput loose)
            {
                Add(loose);
            }
        });
        if (PassThru)
        {
            WriteObject(_proto);
        }
    }

    private void Add(EntryInput entry)
    {
        if (!ShouldProcess($"Layer {entry.Layer} of {_proto!.Name}", "Add entry"))
        {
            return;
        }

        ReadOnlySpan<byte> content = entry.FilePath is null ? entry.Content.Span : File.ReadAllBytes(entry.FilePath);
        try
        {
            _proto.Add(entry.Layer, entry.Keywords, content);
        }
        catch (InvalidEntryException refusal)
        {
            throw _reader!.Place(refusal);
        }
    }
}

using System.Collections;
using System.IO.Pipelines;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Makes one dimension file from what comes down the pipeline. The file appears whole or not at all, so one bad object ends the command.</summary>
[Cmdlet(VerbsCommon.New, "DimensionFile", SupportsShouldProcess = true)]
[OutputType(typeof(DimensionFileInfo))]
public sealed class NewDimensionFileCommand : DimensionCmdlet
{
    private readonly ProgressThrottle _progress = new();
    private DimensionFileWriter? _writer;
    private EntryReader? _reader;
    private string _filePath = "";

    /// <summary>The file to make; taken literally.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    /// <summary>The dimension: D01, D02, … or the number.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(CoreDimensionCompleter))]
    public string Id { get; set; } = "";

    /// <summary>Name of the dimension; core dimensions have one.</summary>
    [Parameter(Position = 2)]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    /// <summary>An entry: an object with Layer, Keywords and Content, a row of a CSV file, a file, a text, bytes.</summary>
    [Parameter(ValueFromPipeline = true)]
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

    /// <summary>Frequency in hertz of every layer that -LayerSetting does not give one.</summary>
    [Parameter]
    [ValidateRange(0f, float.MaxValue)]
    public float Frequency { get; set; }

    /// <summary>Depth, frequency, keywords and codec per layer.</summary>
    [Parameter]
    [ValidateNotNull]
    public IDictionary? LayerSetting { get; set; }

    /// <summary>How the layers are stored that -LayerSetting does not give a codec.</summary>
    [Parameter]
    public LayerCodec Codec { get; set; }

    /// <summary>A plain V1 file: no checksums, no index.</summary>
    [Parameter]
    public SwitchParameter Plain { get; set; }

    /// <summary>Replace an existing file; never an immutable one.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (!DimensionId.TryParse(Id, null, out DimensionId id))
        {
            ThrowTerminatingError(Errors.InvalidDimensionId(Id));
        }

        string? name = Name ?? (id.IsCore ? DimensionLayout.Default.SlotOf(id)?.Name : null);
        if (name is null)
        {
            ThrowTerminatingError(Errors.NameRequired(id));
        }

        _filePath = Paths.ResolveNew(Path);
        if (Directory.Exists(_filePath))
        {
            ThrowTerminatingError(Errors.PathIsDirectory(_filePath));
        }

        (Dictionary<int, LayerSettings> settings, List<int> declared) = ReadLayerSettings();
        _reader = new EntryReader(Layer, Keywords, Paths.ResolveNew);
        if (!ShouldProcess($"{id} {name} in {_filePath}", "Create dimension file"))
        {
            return;
        }

        Demand(_filePath, () =>
        {
            _writer = new DimensionFileWriter(_filePath, new DimensionWriterOptions { Id = id, Name = name!, Plain = Plain, Overwrite = Force, Layers = settings });
            declared.ForEach(_writer.AddLayer);
        });
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        // Without pipeline input and without -InputObject there is nothing to add; a null in the pipeline is refused as an entry.
        if (_writer is null || (InputObject is null && !MyInvocation.ExpectingInput))
        {
            return;
        }

        Demand(InputObject, () =>
        {
            foreach (EntryInput entry in _reader!.Read(InputObject))
            {
                Add(entry);
            }
        });

        if (_progress.IsDue())
        {
            WriteProgress(new ProgressRecord(0, "Creating dimension file", $"{_writer.EntryCount:N0} entries"));
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_writer is null)
        {
            return;
        }

        DimensionFileInfo? made = null;
        Demand(_filePath, () =>
        {
            if (_reader!.TakeLooseBytes() is EntryInput loose)
            {
                Add(loose);
            }

            long entries = _writer.EntryCount;
            made = new DimensionFileInfo(_filePath, _writer.Complete(StopToken), entries);
        });
        if (_progress.WasDue)
        {
            WriteProgress(new ProgressRecord(0, "Creating dimension file", "Done") { RecordType = ProgressRecordType.Completed });
        }

        WriteObject(made);
        long most = DimensionLayout.Default.MaxBytesOf(made!.Id);
        if (made.Length > most)
        {
            WriteWarning($"{_filePath} has {made.Length:N0} bytes; a store with the default layout gives {made.Id} {most:N0} and will refuse it.");
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _writer?.Dispose();
        }

        base.Dispose(disposing);
    }

    private (Dictionary<int, LayerSettings> Settings, List<int> Declared) ReadLayerSettings()
    {
        try
        {
            return LayerSettingReader.Read(LayerSetting, Frequency, Codec);
        }
        catch (PSArgumentException e)
        {
            ThrowTerminatingError(Errors.InvalidLayerSetting(e.Message, LayerSetting));
            throw;
        }
    }

    private void Add(EntryInput entry)
    {
        try
        {
            Write(entry);
        }
        catch (InvalidEntryException refusal)
        {
            throw _reader!.Place(refusal);
        }
    }

    private void Write(EntryInput entry)
    {
        if (entry.FilePath is null)
        {
            _writer!.AddEntry(entry.Layer, entry.Keywords, entry.Content.Span);
            return;
        }

        using FileStream stream = new(entry.FilePath, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
        PipeReader content = PipeReader.Create(stream);
        _writer!.AddEntryAsync(entry.Layer, entry.Keywords, content, StopToken).AsTask().GetAwaiter().GetResult();
        content.Complete();
    }
}

using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using DimensionStore.Cli.Commands;
using DimensionStore.Memory;

namespace DimensionStore.Cli.Output;

/// <summary>Every JSON shape that the tool prints. README.md beside the project describes them; scripts depend on the names.</summary>
internal static class JsonOutput
{
    private static readonly JsonWriterOptions Options = new()
    {
        Indented = true,
        NewLine = "\n",
        // The document goes to a file or a pipe, never into HTML: text stays readable.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes one document and a line end.</summary>
    public static void Write(Stream output, Action<Utf8JsonWriter> write)
    {
        using (var writer = new Utf8JsonWriter(output, Options))
        {
            write(writer);
        }

        output.Write("\n"u8);
    }

    /// <summary>The members of a file's header and metadata, into an object that is open.</summary>
    public static void WriteDescriptorMembers(Utf8JsonWriter json, DimensionDescriptor descriptor)
    {
        json.WriteNumber("dimensionId", descriptor.Id.Value);
        json.WriteString("dimension", descriptor.Id.ToString());
        json.WriteString("name", descriptor.Name);
        json.WriteNumber("totalSize", descriptor.TotalSize);
        json.WriteBoolean("plain", descriptor.IsPlain);
        json.WriteBoolean("sealed", descriptor.IsSealed);
        json.WriteNumber("metadataLength", descriptor.MetadataLength);
        if (descriptor.HasIndex)
        {
            json.WriteStartObject("index");
            json.WriteNumber("offset", descriptor.IndexOffset);
            json.WriteNumber("length", descriptor.IndexLength);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("index");
        }

        WriteLayers(json, descriptor.Layers);
    }

    /// <summary>A file that was verified.</summary>
    public static void WriteVerification(Utf8JsonWriter json, string path, VerificationResult? result, Exception? failure)
    {
        json.WriteStartObject();
        json.WriteString("file", path);
        json.WriteBoolean("valid", failure is null && result is { IsValid: true });
        if (result?.Descriptor is { } descriptor)
        {
            json.WriteString("dimension", descriptor.Id.ToString());
            json.WriteString("name", descriptor.Name);
            json.WriteBoolean("plain", descriptor.IsPlain);
            json.WriteBoolean("sealed", descriptor.IsSealed);
        }

        json.WriteNumber("bytesRead", result?.BytesRead ?? 0);
        WriteStrings(json, "checks", result?.Checks ?? []);
        WriteError(json, failure ?? result?.Error);
        json.WriteEndObject();
    }

    /// <summary>A dimension that a store knows of.</summary>
    public static void WriteStatus(Utf8JsonWriter json, DimensionStatus status)
    {
        json.WriteStartObject();
        json.WriteString("dimension", status.Id.ToString());
        json.WriteNumber("dimensionId", status.Id.Value);
        json.WriteString("name", status.Name);
        json.WriteString("state", StateName(status.State));
        json.WriteBoolean("simulated", status.State == DimensionState.Simulated);
        json.WriteNumber("sizeBytes", status.SizeBytes);
        json.WriteString("file", status.FilePath);
        WriteLayers(json, status.Descriptor?.Layers ?? []);
        WriteError(json, status.Error);
        json.WriteEndObject();
    }

    /// <summary>An entry that was found.</summary>
    public static void WriteFound(Utf8JsonWriter json, FoundEntry entry)
    {
        json.WriteStartObject();
        json.WriteString("dimension", entry.Dimension.ToString());
        json.WriteNumber("layer", entry.Layer);
        json.WriteNumber("offset", entry.Offset);
        json.WriteNumber("length", entry.Length);
        json.WriteString("keyword", entry.Keyword);
        json.WriteBoolean("simulated", entry.IsSimulated);
        json.WriteString("content", entry.Text);
        if (!Utf8.IsValid(entry.Content.Span))
        {
            json.WriteBase64String("contentBase64", entry.Content.Span);
        }

        json.WriteEndObject();
    }

    /// <summary>A file that was made or kept.</summary>
    public static void WriteGenerated(Utf8JsonWriter json, GeneratedFile file)
    {
        json.WriteStartObject();
        json.WriteString("dimension", file.Id.ToString());
        json.WriteString("name", file.Name);
        json.WriteString("file", file.FilePath);
        json.WriteNumber("sizeBytes", file.SizeBytes);
        json.WriteNumber("entries", file.EntryCount);
        json.WriteBoolean("kept", file.WasKept);
        json.WriteEndObject();
    }

    /// <summary>A replay, or why there is none.</summary>
    public static void WriteReplay(Utf8JsonWriter json, ReplayOutcome outcome)
    {
        json.WriteStartObject();
        json.WriteString("trace", outcome.Trace);
        json.WriteString("allocator", outcome.Allocator);
        json.WriteNumber("capacityBytes", outcome.CapacityBytes);
        if (outcome.Result is { } result)
        {
            WriteFigure(json, "nsPerOperation", result.NsPerOperation);
            WriteFigure(json, "fastestNsPerOperation", result.FastestNsPerOperation);
            WriteFigure(json, "replayOverheadNs", result.ReplayOverheadNs);
            json.WriteNumber("timedPasses", result.TimedPasses);
            json.WriteNumber("threads", result.Threads);
            json.WriteNumber("traceThreads", result.TraceThreads);
            json.WriteNumber("operations", result.Operations);
            json.WriteNumber("peakLiveObjects", result.PeakLiveObjects);
            json.WriteNumber("peakLiveBytes", result.PeakLiveBytes);
            json.WriteNumber("peakCommittedBytes", result.PeakCommittedBytes);
            WriteFigure(json, "peakResidentBytes", result.PeakResidentBytes);
            WriteFigure(json, "residentOverLive", result.ResidentOverLive);
            json.WriteNumber("internalFragmentation", result.InternalFragmentation);
            json.WriteNumber("externalFragmentation", result.ExternalFragmentation);
            json.WriteNumber("metadataOverhead", result.MetadataOverhead);
            json.WriteNumber("managedBytesPerOperation", result.ManagedBytesPerOperation);
        }

        WriteError(json, outcome.Failure);
        json.WriteEndObject();
    }

    /// <summary>A number, or null where it is not known.</summary>
    public static void WriteFigure(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } known && double.IsFinite(known))
        {
            json.WriteNumber(name, known);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    /// <summary>A whole number, or null where it is not known.</summary>
    public static void WriteFigure(Utf8JsonWriter json, string name, long? value)
    {
        if (value is { } known)
        {
            json.WriteNumber(name, known);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    /// <summary>How a state is written.</summary>
    public static string StateName(DimensionState state) => state switch
    {
        DimensionState.Loaded => "loaded",
        DimensionState.Simulated => "simulated",
        DimensionState.Failed => "failed",
        _ => "notLoaded",
    };

    /// <summary>How a codec is written, here and on the command line.</summary>
    public static string CodecName(LayerCodec codec) => codec switch
    {
        LayerCodec.Brotli => "brotli",
        LayerCodec.ZLib => "zlib",
        LayerCodec.Lz4 => "lz4",
        LayerCodec.Zstd => "zstd",
        _ => "none",
    };

    private static void WriteLayers(Utf8JsonWriter json, IReadOnlyList<LayerDescriptor> layers)
    {
        json.WriteStartArray("layers");
        foreach (LayerDescriptor layer in layers)
        {
            json.WriteStartObject();
            json.WriteNumber("layer", layer.Layer);
            json.WriteNumber("depth", layer.Depth);
            json.WriteNumber("frequency", layer.Frequency);
            WriteStrings(json, "keywords", layer.Keywords);
            json.WriteNumber("contentOffset", layer.ContentOffset);
            json.WriteNumber("contentSize", layer.ContentSize);
            json.WriteString("codec", CodecName(layer.Codec));
            json.WriteNumber("uncompressedSize", layer.UncompressedSize);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteStrings(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        json.WriteStartArray(name);
        foreach (string value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }

    private static void WriteError(Utf8JsonWriter json, Exception? error)
    {
        switch (error)
        {
            case null:
                json.WriteNull("error");
                return;
            case DimensionFormatException format:
                json.WriteStartObject("error");
                json.WriteString("kind", format.Error.ToString());
                json.WriteNumber("offset", format.Offset);
                json.WriteString("expected", format.Expected);
                json.WriteString("found", format.Found);
                break;
            case TraceReplayException replay:
                json.WriteStartObject("error");
                json.WriteString("kind", "TraceReplay");
                json.WriteNumber("record", replay.RecordIndex);
                break;
            default:
                json.WriteStartObject("error");
                json.WriteString("kind", error.GetType().Name.Replace("Exception", "", StringComparison.Ordinal));
                break;
        }

        json.WriteString("message", ErrorMapper.Map(error).Message);
        json.WriteEndObject();
    }
}

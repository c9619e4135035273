using System.CommandLine;
using System.Globalization;
using DimensionStore.Cli.Output;
using DimensionStore.Cli.Sources;

namespace DimensionStore.Cli.Commands;

/// <summary><c>new</c>: one dimension file from entries.</summary>
internal static class NewCommand
{
    public static Command Create(CliContext context)
    {
        Argument<string> file = new Argument<string>("FILE") { Description = "The dimension file to make." }.NotEmpty();
        Option<DimensionId> id = CommonSymbols.Id();
        Option<string> name = new("--name") { Description = "Name of the dimension, 1 to 64 bytes of UTF-8.", HelpName = "NAME", Required = true };
        Option<string> from = new("--from")
        {
            Description = """A .jsonl file ({"layer":0,"keywords":["…"],"content":"…"} a line), a .csv file (header row; columns layer, keywords separated by ;, content), or - for JSON lines on standard input.""",
            HelpName = "SOURCE",
            Required = true,
        };
        Option<string[]> frequency = new("--frequency") { Description = "Frequency of a layer in hertz, as in 0=1.5; may be repeated. Without a layer: of all.", HelpName = "LAYER=HZ" };
        Option<string[]> depth = new("--depth") { Description = "Depth of a layer, 0 to 255, as in 0=2; may be repeated. Default: the layer's number.", HelpName = "LAYER=N" };
        Option<string[]> codec = new("--codec") { Description = "How a layer is stored: none (default; read without a copy), brotli, zlib, or with the system's libraries lz4 or zstd, as in 3=brotli; may be repeated.", HelpName = "LAYER=CODEC" };
        Option<bool> plain = new("--plain") { Description = "Write plain V1: no checksums, no keyword index, no codecs." };
        Option<bool> force = CommonSymbols.Force();
        Option<bool> json = CommonSymbols.Json();

        var command = new Command("new", "Make a dimension file from entries. It appears whole or not at all.")
        {
            file, id, name, from, frequency, depth, codec, plain, force, json,
        };
        command.SetAction(parse =>
        {
            var options = new DimensionWriterOptions
            {
                Id = parse.GetValue(id),
                Name = parse.GetRequiredValue(name),
                Plain = parse.GetValue(plain),
                Overwrite = parse.GetValue(force),
                Layers = ReadLayers(parse.GetValue(frequency), parse.GetValue(depth), parse.GetValue(codec)),
            };
            string path = parse.GetRequiredValue(file);
            (DimensionDescriptor made, long entries) = BuildAsync(context, path, options, parse.GetRequiredValue(from)).GetAwaiter().GetResult();
            Print(context, path, made, entries, parse.GetValue(json));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static async Task<(DimensionDescriptor Made, long Entries)> BuildAsync(CliContext context, string path, DimensionWriterOptions options, string from)
    {
        using EntrySource source = EntrySource.Open(context, from);
        using var writer = new DimensionFileWriter(path, options);
        await foreach (DimensionEntry entry in source.Entries.ConfigureAwait(false))
        {
            try
            {
                writer.AddEntry(entry.Layer, entry.Keywords, entry.Content.Span);
            }
            catch (InvalidEntryException refusal) when (refusal.SourceName is null)
            {
                throw new InvalidEntryException(refusal.Message, source.Name, entry.Line, refusal);
            }
        }

        return (writer.Complete(context.Cancellation), writer.EntryCount);
    }

    private static Dictionary<int, LayerSettings> ReadLayers(string[]? frequencies, string[]? depths, string[]? codecs)
    {
        var layers = new Dictionary<int, LayerSettings>();
        Apply(layers, "--frequency", frequencies, static (settings, text)
            => float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float hertz) && float.IsFinite(hertz) && hertz >= 0
                ? settings with { Frequency = hertz }
                : throw new CliUsageException($"--frequency {text}: a finite number of hertz, 0 or more, was expected."));
        Apply(layers, "--depth", depths, static (settings, text)
            => byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out byte depth)
                ? settings with { Depth = depth }
                : throw new CliUsageException($"--depth {text}: a number of 0 to 255 was expected."));
        Apply(layers, "--codec", codecs, static (settings, text) => settings with
        {
            Codec = text.ToLowerInvariant() switch
            {
                "none" => LayerCodec.None,
                "brotli" => LayerCodec.Brotli,
                "zlib" => LayerCodec.ZLib,
                "lz4" => LayerCodec.Lz4,
                "zstd" => LayerCodec.Zstd,
                _ => throw new CliUsageException($"--codec {text}: none, brotli, zlib, lz4 or zstd was expected."),
            },
        });
        return layers;
    }

    private static void Apply(Dictionary<int, LayerSettings> layers, string option, string[]? values, Func<LayerSettings, string, LayerSettings> set)
    {
        foreach (string value in values ?? [])
        {
            int equals = value.IndexOf('=', StringComparison.Ordinal);
            string setting = value[(equals + 1)..];
            (int first, int last) = (0, 3);
            if (equals >= 0)
            {
                if (equals != 1 || value[0] is < '0' or > '3')
                {
                    throw new CliUsageException($"{option} {value}: a layer of 0 to 3 was expected before the '='.");
                }

                first = last = value[0] - '0';
            }

            for (int layer = first; layer <= last; layer++)
            {
                layers[layer] = set(layers.GetValueOrDefault(layer) ?? new LayerSettings(), setting);
            }
        }
    }

    private static void Print(CliContext context, string path, DimensionDescriptor made, long entries, bool asJson)
    {
        if (asJson)
        {
            context.WriteJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("file", path);
                json.WriteNumber("entries", entries);
                JsonOutput.WriteDescriptorMembers(json, made);
                json.WriteEndObject();
            });
        }
        else
        {
            context.Out.WriteLine(Display.OneLine(
                $"{path}: {made.Id} {made.Name}, {Display.Count(made.Layers.Count, "layer", "layers")}, {Display.Count(entries, "entry", "entries")}, {Display.Number(made.TotalSize)} bytes."));
        }

        long most = DimensionLayout.Default.MaxBytesOf(made.Id);
        if (made.TotalSize > most)
        {
            context.Note($"{path} has {Display.Number(made.TotalSize)} bytes; a store with the default layout gives {made.Id} {Display.Number(most)} and will refuse it.");
        }
    }
}

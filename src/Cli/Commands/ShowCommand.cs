using System.CommandLine;
using System.Globalization;
using DimensionStore.Cli.Output;
using Spectre.Console;

namespace DimensionStore.Cli.Commands;

/// <summary><c>show</c>: header and metadata of a file.</summary>
internal static class ShowCommand
{
    public static Command Create(CliContext context)
    {
        Argument<string> file = new Argument<string>("FILE") { Description = "A dimension file." }.NotEmpty();
        Option<bool> json = CommonSymbols.Json();
        var command = new Command("show", "Show header and layers of a dimension file.") { file, json };
        command.SetAction(parse =>
        {
            string path = parse.GetRequiredValue(file);
            DimensionDescriptor descriptor = DimensionFile.ReadDescriptor(path);
            if (parse.GetValue(json))
            {
                context.WriteJson(writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("file", path);
                    JsonOutput.WriteDescriptorMembers(writer, descriptor);
                    writer.WriteEndObject();
                });
            }
            else
            {
                Print(context.Console, path, descriptor);
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static void Print(IAnsiConsole console, string path, DimensionDescriptor descriptor)
    {
        string kind = descriptor switch
        {
            { IsPlain: true } => "plain V1, without checksums and index",
            { IsSealed: true } => "sealed, with checksums",
            _ => "with checksums",
        };
        string index = descriptor.HasIndex ? $"keyword index of {Display.Size(descriptor.IndexLength)}" : "no keyword index";
        console.WritePlain(Display.OneLine($"{path}: {descriptor.Id} {descriptor.Name}"));
        console.WritePlain($"{Display.Number(descriptor.TotalSize)} bytes, {kind}; {index}.");

        ResultTable table = Display.CreateTable(">Layer", ">Depth", ">Frequency", ">Content", "Stored", "Keywords");
        foreach (LayerDescriptor layer in descriptor.Layers)
        {
            string stored = layer.Codec == LayerCodec.None
                ? $"at {Display.Number(layer.ContentOffset)}"
                : $"at {Display.Number(layer.ContentOffset)}, {JsonOutput.CodecName(layer.Codec)}, {Display.Size(layer.ContentSize)}";
            table.AddCells(
                layer.Layer.ToString(CultureInfo.InvariantCulture),
                layer.Depth.ToString(CultureInfo.InvariantCulture),
                Display.Hertz(layer.Frequency),
                Display.Size(layer.UncompressedSize),
                stored,
                Display.Some(layer.Keywords));
        }

        console.Write(table);
    }
}

using System.CommandLine;
using DimensionStore.Cli.Output;
using Spectre.Console;

namespace DimensionStore.Cli.Commands;

/// <summary><c>list</c>: the dimensions of a store.</summary>
internal static class ListCommand
{
    public static Command Create(CliContext context)
    {
        Argument<string> directory = CommonSymbols.Store();
        Option<bool> json = CommonSymbols.Json();
        var command = new Command("list", "List the dimensions of a store.") { directory, json };
        command.SetAction(parse =>
        {
            using StoreSession session = StoreSession.Open(context, parse.GetRequiredValue(directory));
            DimensionStatus[] dimensions = [.. session.Dimensions.Select(session.Store.Describe)];
            if (parse.GetValue(json))
            {
                context.WriteJson(writer =>
                {
                    writer.WriteStartArray();
                    foreach (DimensionStatus dimension in dimensions)
                    {
                        JsonOutput.WriteStatus(writer, dimension);
                    }

                    writer.WriteEndArray();
                });
            }
            else
            {
                Print(context.Console, dimensions);
            }

            session.NoteSimulation();
            return session.ReportBroken(ExitCodes.Ok);
        });
        return command;
    }

    private static void Print(IAnsiConsole console, DimensionStatus[] dimensions)
    {
        ResultTable table = Display.CreateTable("Id", "Name", "State", ">Layers", ">Frequency", ">Size", "File");
        foreach (DimensionStatus dimension in dimensions)
        {
            IReadOnlyList<LayerDescriptor> layers = dimension.Descriptor?.Layers ?? [];
            table.AddCells(
                dimension.Id.ToString(),
                dimension.Name ?? "",
                JsonOutput.StateName(dimension.State),
                Display.Number(layers.Count),
                FrequencyRange(layers),
                Display.Size(dimension.SizeBytes),
                Path.GetFileName(dimension.FilePath) ?? "");
        }

        console.Write(table);
    }

    private static string FrequencyRange(IReadOnlyList<LayerDescriptor> layers)
    {
        if (layers.Count == 0)
        {
            return "";
        }

        float low = layers.Min(layer => layer.Frequency);
        float high = layers.Max(layer => layer.Frequency);
        return low == high ? Display.Hertz(low) : $"{low}–{Display.Hertz(high)}";
    }
}

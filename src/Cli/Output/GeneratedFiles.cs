using System.Text.Json;
using Spectre.Console;

namespace DimensionStore.Cli.Output;

/// <summary>Shows files that were made or kept.</summary>
internal static class GeneratedFiles
{
    /// <summary>Member <c>files</c> of an object that is open.</summary>
    public static void WriteJson(Utf8JsonWriter json, IReadOnlyList<GeneratedFile> files)
    {
        json.WriteStartArray("files");
        foreach (GeneratedFile file in files)
        {
            JsonOutput.WriteGenerated(json, file);
        }

        json.WriteEndArray();
    }

    public static void WriteTable(IAnsiConsole console, IReadOnlyList<GeneratedFile> files)
    {
        ResultTable table = Display.CreateTable("Dimension", "Name", ">Entries", ">Size", "File");
        foreach (GeneratedFile file in files)
        {
            table.AddCells(
                file.Id.ToString(),
                file.Name,
                file.WasKept ? "kept" : Display.Number(file.EntryCount),
                Display.Size(file.SizeBytes),
                Path.GetFileName(file.FilePath));
        }

        console.Write(table);
    }

    /// <summary>One line about all of them.</summary>
    public static string Summary(IReadOnlyList<GeneratedFile> files, string directory)
    {
        int kept = files.Count(file => file.WasKept);
        int made = files.Count - kept;
        string what = (made, kept) switch
        {
            (_, 0) => $"{Display.Count(made, "file", "files")} made",
            (0, _) => $"{Display.Count(kept, "file", "files")} kept",
            _ => $"{Display.Count(made, "file", "files")} made and {Display.Number(kept)} kept",
        };
        return $"{what} in {directory}, {Display.Size(files.Sum(file => file.SizeBytes))}.";
    }
}

using System.CommandLine;
using System.Text.Json;
using DimensionStore.Cli.Demo;
using DimensionStore.Cli.Output;
using DimensionStore.Memory;
using Spectre.Console;

namespace DimensionStore.Cli.Commands;

/// <summary><c>demo</c>: builds the files, maps them, searches them and shows what that took.</summary>
internal static class DemoCommand
{
    private static readonly string DefaultDirectory = Path.Combine("data", "consciousness");

    public static Command Create(CliContext context)
    {
        Option<string> to = CommonSymbols.Out("Directory that gets the files, WordNet's in wordnet below it. Valid files that are there are kept.");
        to.DefaultValueFactory = _ => DefaultDirectory;
        Option<bool> json = CommonSymbols.Json();
        var command = new Command("demo", "Build the reference dimensions, and WordNet's where it is installed; map them, search them, show the statistics.") { to, json };
        command.SetAction(parse =>
        {
            string directory = parse.GetRequiredValue(to);
            if (parse.GetValue(json))
            {
                DemoResult result = DemoRun.Run(context, directory);
                context.WriteJson(writer => WriteJson(writer, result));
            }
            else
            {
                Print(context.Console, DemoRun.Run(context, directory));
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static void Print(IAnsiConsole console, DemoResult result)
    {
        console.WriteHeading("Files");
        GeneratedFiles.WriteTable(console, result.Catalog.Files);
        PrintSet(console, result.Catalog);
        if (result.WordNet is { } wordNet)
        {
            console.WritePlain(result.SynsetCount > 0 ? $"WordNet 3.0, {Display.Number(result.SynsetCount)} synsets:" : "WordNet 3.0:");
            PrintSet(console, wordNet);
        }
        else
        {
            console.WritePlain($"WordNet is not in {WordNetImporter.DefaultDirectory}; on Debian: apt install wordnet-base, then run the demo again.");
        }

        console.WriteHeading("Search");
        foreach (DemoSearch search in result.Searches)
        {
            PrintSearch(console, search);
        }

        console.WriteHeading("Memory");
        StatsTable.Write(console, result.Catalog.Stats);
        if (result.WordNet is { } other)
        {
            console.WritePlain($"WordNet's store beside it: {Display.Count(other.Stats.DimensionsLoaded, "dimension", "dimensions")}, {Display.Size(other.Stats.TotalAllocatedBytes)}.");
        }

        console.WriteHeading("Next");
        string directory = result.Catalog.Directory;
        console.WritePlain("Where dimstore is not installed: dotnet run -c Release --project src/Cli --");
        console.WritePlain($"dimstore find {directory} joy");
        console.WritePlain($"dimstore list {directory}");
        console.WritePlain($"dimstore show {Path.Combine(directory, "D01.mmap")}");
    }

    private static void PrintSet(IAnsiConsole console, DemoSet set)
    {
        console.WritePlain(GeneratedFiles.Summary(set.Files, set.Directory));
        console.WritePlain($"{(set.WasKept ? "Verified" : "Built")} in {Display.Time(set.BuildTime)}; opened in {Show(set.OpenTime)}.");
    }

    private static void PrintSearch(IAnsiConsole console, DemoSearch search)
    {
        string how = search.Match switch
        {
            KeywordMatch.Prefix => " --prefix",
            KeywordMatch.Wildcard => " --wildcard",
            _ => "",
        };
        string lookup = search.LookupNanoseconds is { } time ? $" Without the copy: {Display.Number((long)time)} ns a lookup." : "";
        string keyword = search.Match == KeywordMatch.Wildcard ? $"'{search.Keyword}'" : search.Keyword;
        console.WriteLine();
        console.WritePlain($"dimstore find {search.Directory} {keyword}{how}");
        var table = new FoundTable(console);
        foreach (FoundEntry entry in search.Shown)
        {
            table.Add(entry);
        }

        table.Flush();
        string more = search.Count > search.Shown.Count ? $" The first {search.Shown.Count} are shown." : "";
        console.WritePlain($"{Display.Count(search.Count, "entry", "entries")} in {Show(search.Time)}.{more}{lookup}");
    }

    private static string Show(DemoTime time) => $"{Display.Time(time.Again)} (first time: {Display.Time(time.First)})";

    private static void WriteJson(Utf8JsonWriter json, DemoResult result)
    {
        json.WriteStartObject();
        json.WritePropertyName("catalog");
        WriteSet(json, result.Catalog);
        json.WritePropertyName("wordNet");
        if (result.WordNet is { } wordNet)
        {
            WriteSet(json, wordNet);
        }
        else
        {
            json.WriteNullValue();
        }

        json.WriteStartArray("searches");
        foreach (DemoSearch search in result.Searches)
        {
            json.WriteStartObject();
            json.WriteString("directory", search.Directory);
            json.WriteString("keyword", search.Keyword);
            json.WriteString("match", search.Match.ToString().ToLowerInvariant());
            json.WriteNumber("count", search.Count);
            json.WriteNumber("firstMicroseconds", search.Time.First.TotalMicroseconds);
            json.WriteNumber("againMicroseconds", search.Time.Again.TotalMicroseconds);
            json.WriteStartArray("entries");
            foreach (FoundEntry entry in search.Shown)
            {
                JsonOutput.WriteFound(json, entry);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteSet(Utf8JsonWriter json, DemoSet set)
    {
        json.WriteStartObject();
        json.WriteString("directory", set.Directory);
        json.WriteNumber("buildMicroseconds", set.BuildTime.TotalMicroseconds);
        json.WriteNumber("firstOpenMicroseconds", set.OpenTime.First.TotalMicroseconds);
        json.WriteNumber("againOpenMicroseconds", set.OpenTime.Again.TotalMicroseconds);
        GeneratedFiles.WriteJson(json, set.Files);
        json.WriteStartObject("stats");
        Statistics.WriteMembers(json, set.Stats);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}

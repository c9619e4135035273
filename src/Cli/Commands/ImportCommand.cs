using System.CommandLine;
using DimensionStore.Cli.Output;

namespace DimensionStore.Cli.Commands;

/// <summary><c>import wordnet</c>: dimension files from WordNet's database.</summary>
internal static class ImportCommand
{
    public static Command Create(CliContext context) => new("import", "Make dimension files from a known data set.") { CreateWordNet(context) };

    private static Command CreateWordNet(CliContext context)
    {
        Option<string> from = new("--from")
        {
            Description = "Directory of data.noun, data.verb, data.adj and data.adv.",
            HelpName = "DIR",
            DefaultValueFactory = _ => WordNetImporter.DefaultDirectory,
        };
        Option<string> to = CommonSymbols.Out("Directory that gets the files; made if it is not there.");
        to.Required = true;
        Option<bool> force = CommonSymbols.Force();
        Option<bool> json = CommonSymbols.Json();
        var command = new Command("wordnet", "Import WordNet 3.0: every synset becomes an entry, its lemmas the keywords, its gloss the content.") { from, to, force, json };
        command.SetAction(parse =>
        {
            string directory = parse.GetRequiredValue(to);
            WordNetImportResult result = Import(context, parse.GetRequiredValue(from), directory, parse.GetValue(force));
            if (parse.GetValue(json))
            {
                context.WriteJson(writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("directory", directory);
                    writer.WriteNumber("synsets", result.SynsetCount);
                    writer.WriteNumber("lemmas", result.LemmaCount);
                    GeneratedFiles.WriteJson(writer, result.Files);
                    writer.WriteEndObject();
                });
            }
            else
            {
                GeneratedFiles.WriteTable(context.Console, result.Files);
                context.Console.WritePlain($"{Display.Number(result.SynsetCount)} synsets with {Display.Number(result.LemmaCount)} lemmas. {GeneratedFiles.Summary(result.Files, directory)}");
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    /// <summary>Imports with progress.</summary>
    public static WordNetImportResult Import(CliContext context, string source, string directory, bool overwrite)
        => ProgressDisplay.Run(context, "Reading WordNet", report =>
            WordNetImporter.Import(
                source,
                directory,
                overwrite,
                new InlineProgress<WordNetImportProgress>(step => report(step.Activity, step.Fraction)),
                context.Cancellation));
}

using System.CommandLine;
using DimensionStore.Cli.Output;

namespace DimensionStore.Cli.Commands;

/// <summary><c>generate</c>: the files of a catalog.</summary>
internal static class GenerateCommand
{
    public static Command Create(CliContext context)
    {
        Option<string> from = new Option<string>("--from") { Description = "A catalog in the form of data/dimensions.json. Default: the catalog built into the library, which is that file.", HelpName = "FILE" }.NotEmpty();
        Option<string> to = CommonSymbols.Out("Directory that gets the files; made if it is not there.");
        to.Required = true;
        Option<bool> force = CommonSymbols.Force();
        Option<bool> json = CommonSymbols.Json();
        var command = new Command("generate", "Make the dimension files of a catalog.") { from, to, force, json };
        command.SetAction(parse =>
        {
            string directory = parse.GetRequiredValue(to);
            DimensionCatalog catalog = parse.GetValue(from) is { } path ? DimensionCatalog.Load(path) : DimensionCatalog.Default;
            IReadOnlyList<GeneratedFile> files = Generate(context, catalog, directory, parse.GetValue(force));
            if (parse.GetValue(json))
            {
                context.WriteJson(writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("directory", directory);
                    GeneratedFiles.WriteJson(writer, files);
                    writer.WriteEndObject();
                });
            }
            else
            {
                GeneratedFiles.WriteTable(context.Console, files);
                context.Console.WritePlain(GeneratedFiles.Summary(files, directory));
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static IReadOnlyList<GeneratedFile> Generate(CliContext context, DimensionCatalog catalog, string directory, bool overwrite)
        => ProgressDisplay.Run(context, "Generating", report =>
        {
            int done = 0;
            var progress = new InlineProgress<GeneratedFile>(file => report($"{file.Id} {file.Name}", ++done / (double)catalog.Dimensions.Count));
            return catalog.Generate(directory, overwrite, progress, context.Cancellation);
        });
}

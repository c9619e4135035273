using System.CommandLine;
using DimensionStore.Cli.Output;

namespace DimensionStore.Cli.Commands;

/// <summary><c>test</c>: verifies every byte of files.</summary>
internal static class TestCommand
{
    private sealed record Outcome(string Path, VerificationResult? Result, Exception? Failure);

    public static Command Create(CliContext context)
    {
        Argument<string[]> files = new Argument<string[]>("FILE") { Description = "Dimension files; all are checked, whatever the first ones give.", HelpName = "FILE…", Arity = ArgumentArity.OneOrMore }.NotEmpty();
        Option<bool> json = CommonSymbols.Json();
        var command = new Command("test", "Verify dimension files: structure, checksums, index, padding, seal.") { files, json };
        command.SetAction(parse =>
        {
            bool asJson = parse.GetValue(json);
            var outcomes = new List<Outcome>();
            foreach (string path in parse.GetRequiredValue(files))
            {
                Outcome outcome = Verify(path, context.Cancellation);
                outcomes.Add(outcome);
                if (!asJson)
                {
                    Print(context, outcome);
                }
            }

            if (asJson)
            {
                PrintJson(context, outcomes);
            }

            return ExitCodeOf(outcomes);
        });
        return command;
    }

    private static Outcome Verify(string path, CancellationToken cancellation)
    {
        try
        {
            return new Outcome(path, DimensionFile.Verify(path, cancellation), null);
        }
        catch (Exception failure) when (failure is CodecUnavailableException or IOException or UnauthorizedAccessException)
        {
            return new Outcome(path, null, failure);
        }
    }

    /// <summary>A file that fails decides over one that cannot be read: it is what the caller asked about.</summary>
    private static int ExitCodeOf(List<Outcome> outcomes)
    {
        if (outcomes.Any(outcome => outcome.Result is { IsValid: false }))
        {
            return ExitCodes.NotFound;
        }

        return outcomes.Any(outcome => outcome.Failure is not null) ? ExitCodes.InputOutput : ExitCodes.Ok;
    }

    private static void Print(CliContext context, Outcome outcome)
    {
        if ((outcome.Failure ?? outcome.Result?.Error) is { } error)
        {
            string message = ErrorMapper.Map(error).Message;
            string path = $"{Display.OneLine(outcome.Path)}: ";
            string name = message.StartsWith(path, StringComparison.Ordinal) ? "" : path;
            context.Out.WriteLine($"FAILED  {name}{message}");
        }
        else if (outcome.Result is { Descriptor: { } descriptor } result)
        {
            string unsealed = descriptor.Id.IsImmutable && !descriptor.IsSealed ? "; has no seal, which a store asks of this dimension" : "";
            string plain = descriptor.IsPlain ? "; a plain file has no checksums for its contents" : "";
            context.Out.WriteLine(Display.OneLine($"ok      {outcome.Path}: {descriptor.Id} {descriptor.Name}, {Display.Number(descriptor.TotalSize)} bytes; {string.Join(", ", result.Checks)}{plain}{unsealed}"));
        }

        context.Out.Flush();
    }

    private static void PrintJson(CliContext context, List<Outcome> outcomes) => context.WriteJson(json =>
    {
        json.WriteStartArray();
        foreach (Outcome outcome in outcomes)
        {
            JsonOutput.WriteVerification(json, outcome.Path, outcome.Result, outcome.Failure);
        }

        json.WriteEndArray();
    });
}

using System.CommandLine;
using DimensionStore.Cli.Output;
using Spectre.Console;

namespace DimensionStore.Cli.Commands;

/// <summary><c>find</c>: entries by keyword.</summary>
internal static class FindCommand
{
    public static Command Create(CliContext context)
    {
        Argument<string> directory = CommonSymbols.Store();
        Argument<string> keyword = new Argument<string>("KEYWORD") { Description = "The keyword, in any case. One that begins with - goes behind --." }.NotEmpty();
        Option<bool> prefix = new("--prefix") { Description = "Find every keyword that begins with KEYWORD." };
        Option<bool> wildcard = new("--wildcard") { Description = "KEYWORD is a pattern: * stands for any run of characters, ? for one." };
        Option<DimensionId[]> dimensions = CommonSymbols.Dimensions();
        Option<int?> limit = CommonSymbols.Limit();
        Option<bool> json = CommonSymbols.Json();
        var command = new Command("find", "Find entries by keyword: the whole keyword, a prefix or a pattern.") { directory, keyword, prefix, wildcard, dimensions, limit, json };
        command.SetAction(parse =>
        {
            KeywordMatch match = ReadMatch(parse.GetValue(prefix), parse.GetValue(wildcard));
            int most = parse.GetValue(limit) ?? int.MaxValue;
            using StoreSession session = StoreSession.Open(context, parse.GetRequiredValue(directory));
            DimensionId[]? only = parse.GetValue(dimensions);
            var answer = new Answer(session.Store.FindEntries(parse.GetRequiredValue(keyword), match, only is { Length: > 0 } ? only : null).Take(most), context.Cancellation);
            if (parse.GetValue(json))
            {
                PrintJson(context, answer);
            }
            else
            {
                Print(context.Console, answer);
            }

            if (answer.Count == 0)
            {
                session.NoteSimulation();
            }
            else
            {
                session.NoteSimulation(answer.Simulated);
            }

            return session.ReportBroken(answer.Count == 0 ? ExitCodes.NotFound : ExitCodes.Ok);
        });
        return command;
    }

    private static KeywordMatch ReadMatch(bool prefix, bool wildcard) => (prefix, wildcard) switch
    {
        (true, true) => throw new CliUsageException("--prefix and --wildcard exclude each other; the pattern for a prefix is 'KEYWORD*'."),
        (true, false) => KeywordMatch.Prefix,
        (false, true) => KeywordMatch.Wildcard,
        _ => KeywordMatch.Exact,
    };

    private static void PrintJson(CliContext context, Answer answer) => context.WriteJson(json =>
    {
        json.WriteStartArray();
        foreach (FoundEntry entry in answer)
        {
            JsonOutput.WriteFound(json, entry);
            if (json.BytesPending > 1 << 16)
            {
                json.Flush();
            }
        }

        json.WriteEndArray();
    });

    private static void Print(IAnsiConsole console, Answer answer)
    {
        var table = new FoundTable(console);
        foreach (FoundEntry entry in answer)
        {
            table.Add(entry);
        }

        table.Flush();
        if (answer.Count == 0)
        {
            console.WritePlain("Nothing found.");
            return;
        }

        string simulated = answer.Simulated.Count == 0 ? "" : answer.IsAllSimulated ? ", from the simulation" : ", in part from the simulation (see Source)";
        console.WritePlain($"{Display.Count(answer.Count, "entry", "entries")} in {Display.Count(answer.DimensionCount, "dimension", "dimensions")}{simulated}.");
    }

    /// <summary>Passes entries on while it notes where they come from.</summary>
    private sealed class Answer(IEnumerable<FoundEntry> entries, CancellationToken cancellation)
    {
        private readonly HashSet<DimensionId> _answered = [];

        public int Count { get; private set; }

        public int DimensionCount => _answered.Count;

        public HashSet<DimensionId> Simulated { get; } = [];

        public bool IsAllSimulated => Simulated.Count == _answered.Count;

        public IEnumerator<FoundEntry> GetEnumerator()
        {
            foreach (FoundEntry entry in entries)
            {
                cancellation.ThrowIfCancellationRequested();
                Count++;
                _answered.Add(entry.Dimension);
                if (entry.IsSimulated)
                {
                    Simulated.Add(entry.Dimension);
                }

                yield return entry;
            }
        }
    }
}

using System.CommandLine;
using DimensionStore.Cli.Output;
using DimensionStore.Memory;

namespace DimensionStore.Cli.Commands;

/// <summary><c>stats</c>: the memory of a store.</summary>
internal static class StatsCommand
{
    public static Command Create(CliContext context)
    {
        Argument<string> directory = CommonSymbols.Store();
        Option<bool> json = CommonSymbols.Json();
        var command = new Command("stats", "Open a store and show its memory statistics.") { directory, json };
        command.SetAction(parse =>
        {
            string path = parse.GetRequiredValue(directory);
            using StoreSession session = StoreSession.Open(context, path);
            MemoryStats stats = session.Store.GetStats();
            if (parse.GetValue(json))
            {
                context.WriteJson(writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("directory", path);
                    writer.WriteBoolean("simulated", session.IsSimulated);
                    Statistics.WriteMembers(writer, stats);
                    writer.WriteEndObject();
                });
            }
            else
            {
                StatsTable.Write(context.Console, stats);
            }

            session.NoteSimulation();
            return session.ReportBroken(ExitCodes.Ok);
        });
        return command;
    }
}

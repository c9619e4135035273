using System.CommandLine;
using DimensionStore.Cli.Output;
using DimensionStore.Memory;

namespace DimensionStore.Cli.Commands;

/// <summary><c>stats</c>: the memory of a store, and every allocator of the process.</summary>
internal static class StatsCommand
{
    public static Command Create(CliContext context)
    {
        Argument<string> directory = CommonSymbols.Store();
        Option<bool> json = CommonSymbols.Json();
        Option<bool> map = new("--map") { Description = "Draw each allocator's memory: live, free, not committed." };
        Option<string> mapFile = new Option<string>("--map-file") { Description = "Write the map of the store's pool as a picture, .svg or .html.", HelpName = "FILE" }.NotEmpty();
        Option<bool> force = new("--force") { Description = "Replace the file of --map-file where it exists." };
        var command = new Command("stats", "Open a store and show its memory statistics and its allocators.") { directory, json, map, mapFile, force };
        command.SetAction(parse =>
        {
            string path = parse.GetRequiredValue(directory);
            string? file = parse.GetValue(mapFile);
            if (file is not null)
            {
                MemoryMapFile.Check(file, parse.GetValue(force));
            }

            using StoreSession session = StoreSession.Open(context, path);
            MemoryStats stats = session.Store.GetStats();
            PoolAllocator pool = session.Store.Pool;
            if (file is not null)
            {
                MemoryMapFile.Write(MemoryMap.Create(pool, $"pool of {session.Store.Config.BasePath}"), file, parse.GetValue(force));
            }

            if (parse.GetValue(json))
            {
                context.WriteJson(writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("directory", path);
                    writer.WriteBoolean("simulated", session.IsSimulated);
                    Statistics.WriteMembers(writer, stats);
                    writer.WriteStartArray("allocators");
                    foreach (AllocatorReport report in AllocatorReport.CreateAll())
                    {
                        report.WriteJson(writer);
                    }

                    writer.WriteEndArray();
                    writer.WriteEndObject();
                });
            }
            else
            {
                StatsTable.Write(context.Console, stats);
                AllocatorTable.Write(context.Console, AllocatorReport.CreateAll());
            }

            if (parse.GetValue(map) && !parse.GetValue(json))
            {
                foreach (RegisteredAllocator shown in AllocatorRegistry.All)
                {
                    MapDisplay.Write(context.Console, MemoryMap.Create(shown.Allocator, shown.Name, MapDisplay.Cells));
                }
            }

            session.NoteSimulation();
            return session.ReportBroken(ExitCodes.Ok);
        });
        return command;
    }
}

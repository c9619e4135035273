using System.Globalization;
using DimensionStore.Cli.Commands;
using DimensionStore.Memory;
using Spectre.Console;

namespace DimensionStore.Cli.Output;

/// <summary>Replays for people.</summary>
internal static class ReplayTable
{
    /// <summary>One allocator, a row a figure.</summary>
    public static void Write(IAnsiConsole console, ReplayOutcome outcome)
    {
        TraceReplayResult result = outcome.Result!;
        ResultTable table = Display.CreateFacts("Replay");
        table.AddCells("Allocator", outcome.Allocator);
        table.AddCells("Operations", Display.Number(result.Operations));
        table.AddCells("Time per operation", Nanoseconds(result.NsPerOperation));
        table.AddCells("Of which the replay itself", Nanoseconds(result.ReplayOverheadNs));
        table.AddCells("Threads", result.Threads == result.TraceThreads ? Display.Number(result.Threads) : $"{result.Threads} of the trace's {result.TraceThreads}");
        table.AddCells("Live at the peak", $"{Display.Size(result.PeakLiveBytes)}, at most {Display.Count(result.PeakLiveObjects, "object", "objects")}");
        table.AddCells("Resident at the peak", Resident(result));
        table.AddCells("Committed at most", Display.Size(result.PeakCommittedBytes));
        table.AddCells("Internal fragmentation", Percent(result.InternalFragmentation));
        table.AddCells("External fragmentation", Percent(result.ExternalFragmentation));
        table.AddCells("Metadata", Percent(result.MetadataOverhead));
        table.AddCells("Managed bytes per operation", result.ManagedBytesPerOperation.ToString("0.###", CultureInfo.InvariantCulture));
        console.Write(table);
    }

    /// <summary>Several allocators, a row each.</summary>
    public static void Write(IAnsiConsole console, AllocationTrace trace, IReadOnlyList<ReplayOutcome> outcomes, double nativeNs)
    {
        ResultTable table = Display.CreateTable("Allocator", ">Time", ">Resident/live", ">Internal", ">External", ">Metadata");
        foreach (ReplayOutcome outcome in outcomes)
        {
            if (outcome.Result is not { } result)
            {
                table.AddCells(outcome.Allocator, "failed");
                continue;
            }

            table.AddCells(
                outcome.Allocator,
                Nanoseconds(result.NsPerOperation),
                result.ResidentOverLive?.ToString("0.00", CultureInfo.InvariantCulture) ?? "not known",
                Percent(result.InternalFragmentation),
                Percent(result.ExternalFragmentation),
                Percent(result.MetadataOverhead));
        }

        table.AddCells("NativeMemory", Nanoseconds(nativeNs));
        console.Write(table);
        console.WritePlain($"{Display.Count(trace.Count, "operation", "operations")}, {Display.Size(trace.PeakLiveBytes)} live at the peak.");
    }

    private static string Resident(TraceReplayResult result) => result.PeakResidentBytes is not { } bytes ? "not known on this system"
        : result.ResidentOverLive is { } ratio ? string.Create(CultureInfo.InvariantCulture, $"{Display.Size(bytes)} ({ratio:0.00} of live)")
        : Display.Size(bytes);

    private static string Nanoseconds(double value) => double.IsNaN(value) ? "not timed" : string.Create(CultureInfo.InvariantCulture, $"{value:0.0} ns");

    private static string Percent(double value) => string.Create(CultureInfo.InvariantCulture, $"{value * 100:0.0} %");
}

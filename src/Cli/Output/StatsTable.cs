using System.Globalization;
using Spectre.Console;

namespace DimensionStore.Cli.Output;

/// <summary>A store's statistics for people.</summary>
internal static class StatsTable
{
    public static void Write(IAnsiConsole console, in MemoryStats stats)
    {
        ResultTable table = Display.CreateFacts("Memory");
        table.AddCells("Charged to the budget", string.Create(CultureInfo.InvariantCulture, $"{Display.Size(stats.TotalAllocatedBytes)} of {Display.Size(stats.LimitBytes)} ({stats.UsagePercent:0.0} %)"));
        table.AddCells("In use", Display.Size(stats.TotalUsedBytes));
        table.AddCells("Highest so far", Display.Size(stats.PeakUsageBytes));
        table.AddCells("Dimensions from files", Display.Number(stats.DimensionsLoaded));
        table.AddCells("Dimensions from the simulation", Display.Number(stats.SimulatedDimensions));
        table.AddCells("Layers", Display.Number(stats.LayersLoaded));
        table.AddCells("Regions", stats.ParkedRegions == 0 ? Display.Number(stats.ActiveRegions) : $"{Display.Number(stats.ActiveRegions)} ({Display.Number(stats.ParkedRegions)} set aside)");
        table.AddCells("Accesses", Display.Number(stats.AccessCount));
        table.AddCells("Mean access", stats.AvgAccessLatencyUs == 0 ? "not sampled yet" : string.Create(CultureInfo.InvariantCulture, $"{stats.AvgAccessLatencyUs * 1000:N0} ns"));
        table.AddCells("Evictions", Display.Number(stats.EvictionCount));
        table.AddCells("Pool", $"{Display.Count(stats.PoolLiveBlocks, "block", "blocks")}, {Display.Size(stats.PoolUsedBytes)} used, {Display.Size(stats.PoolCommittedBytes)} committed");
        console.Write(table);
    }
}

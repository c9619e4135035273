using System.Globalization;
using DimensionStore.Memory;
using Spectre.Console;

namespace DimensionStore.Cli.Output;

/// <summary>Allocators for people: a row per statistic of the one list of fields, a column per allocator.</summary>
internal static class AllocatorTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<AllocatorReport> reports)
    {
        foreach (AllocatorReport report in reports)
        {
            console.WriteHeading(report.Name);
            ResultTable table = Display.CreateFacts("Allocator");
            foreach (StatisticsField<AllocatorStatistics> field in Statistics.Fields<AllocatorStatistics>())
            {
                double value = field.Measure(report.Statistics);
                table.AddCells(field.Description.TrimEnd('.'), field.Unit switch
                {
                    "By" => Display.Size((long)value),
                    "1" => string.Create(CultureInfo.InvariantCulture, $"{value * 100:0.0} %"),
                    _ => Display.Number((long)value),
                });
            }

            console.Write(table);
            if (report.Groups.Count == 0)
            {
                continue;
            }

            ResultTable groups = Display.CreateTable("Group", ">Blocks", ">Live", ">Free blocks", ">Committed", ">Limit");
            foreach (AllocatorGroup group in report.Groups)
            {
                groups.AddCells(group.Name, Display.Number(group.LiveBlocks), Display.Size(group.LiveBytes), Display.Number(group.FreeBlocks), Display.Size(group.CommittedBytes), Display.Size(group.LimitBytes));
            }

            console.Write(groups);
        }
    }
}

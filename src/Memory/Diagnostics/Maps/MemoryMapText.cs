using System.Globalization;
using System.Text;

namespace DimensionStore.Memory;

/// <summary>Draws a <see cref="MemoryMap"/> with characters, for a terminal, a log or a ticket. No colours and no control sequences, also where a name has some.</summary>
public static class MemoryMapText
{
    /// <summary>Free, at most a quarter live, at most a half, less than all, full.</summary>
    public const string Levels = "·░▒▓█";

    /// <summary>A gap between extents.</summary>
    public const char NotCommitted = '┊';

    private const int AddressWidth = 16;

    /// <summary>Draws a map.</summary>
    /// <param name="map">The map. Asking for 1,024 cells or so gives a picture that fits a screen.</param>
    /// <param name="width">Cells in a line, 8 to 512.</param>
    /// <returns>Lines that end in a line feed.</returns>
    public static string Render(MemoryMap map, int width = 64)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 8);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, 512);
        StringBuilder text = new();
        foreach (string line in Head(map))
        {
            text.Append(line).Append('\n');
        }

        foreach (MapGroup group in map.Groups)
        {
            text.Append('\n').Append(Title(group)).Append('\n');
            foreach (MapCell[] row in group.Cells.Chunk(width))
            {
                text.Append(CultureInfo.InvariantCulture, $"{MapNumbers.Address(row[0].Address),AddressWidth}  ");
                foreach (MapCell cell in row)
                {
                    text.Append(Symbol(cell));
                }

                text.Append('\n');
            }
        }

        return text.ToString();
    }

    /// <summary>What the whole is about: name, figures, legend.</summary>
    public static IReadOnlyList<string> Head(MemoryMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        AllocatorStatistics s = map.Statistics;
        List<string> lines =
        [
            $"{MapNumbers.Printable(map.Name)}: {MapNumbers.Count(s.LiveBlocks, "block", "blocks")}, {MapNumbers.Size(s.LiveBytes)} live of {MapNumbers.Size(s.CommittedBytes)} committed, {MapNumbers.Size(s.IdleBytes)} idle, limit {MapNumbers.Size(s.LimitBytes)}",
            $"fragmentation: external {MapNumbers.Percent(s.ExternalFragmentation)}, internal {MapNumbers.Percent(s.InternalFragmentation)}; bookkeeping {MapNumbers.Size(s.MetadataBytes)}",
        ];
        lines.Add(map.Groups.Count == 0
            ? "nothing is committed"
            : $"a cell is {MapNumbers.Size(map.CellBytes)}: {Levels[4]} full  {Levels[3]} {Levels[2]} {Levels[1]} partly live  {Levels[0]} free  {NotCommitted} not committed");
        return lines;
    }

    /// <summary>The line above a group.</summary>
    public static string Title(MapGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return $"{MapNumbers.Name(group)}: {MapNumbers.Count(group.LiveBlocks, "block", "blocks")}, {MapNumbers.Size(group.LiveBytes)} live of {MapNumbers.Size(group.CommittedBytes)} in {MapNumbers.Count(group.Extents, "extent", "extents")}; "
            + (group.FreeRuns == 0 ? "nothing free" : $"{MapNumbers.Count(group.FreeRuns, "free run", "free runs")}, the longest {MapNumbers.Size(group.LargestFreeRunBytes)}");
    }

    /// <summary>The character of a cell.</summary>
    public static char Symbol(MapCell cell) => cell.Kind == MapCellKind.NotCommitted ? NotCommitted : Levels[cell.Level];
}

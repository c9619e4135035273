using DimensionStore.Memory;
using Spectre.Console;

namespace DimensionStore.Cli.Output;

/// <summary>A memory map on the terminal: the characters of <see cref="MemoryMapText"/>, with colour where the terminal has any.</summary>
internal static class MapDisplay
{
    /// <summary>Cells that fit a screen.</summary>
    public const int Cells = 1024;

    private const int Width = 64;

    public static void Write(IAnsiConsole console, MemoryMap map)
    {
        console.WriteHeading(map.Name);
        foreach (string line in MemoryMapText.Head(map))
        {
            console.WritePlain(line);
        }

        foreach (MapGroup group in map.Groups)
        {
            console.WriteLine();
            console.WritePlain(MemoryMapText.Title(group));
            foreach (MapCell[] row in group.Cells.Chunk(Width))
            {
                Paragraph line = new($"{$"0x{row[0].Address:x}",16}  ", new Style(Color.Grey));
                foreach (MapCell cell in row)
                {
                    line.Append(MemoryMapText.Symbol(cell).ToString(), new Style(cell.Kind == MapCellKind.NotCommitted || cell.Level == 0 ? Color.Grey : Color.DodgerBlue1));
                }

                line.Append("\n");
                console.Write(line);
            }
        }
    }
}

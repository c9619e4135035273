using Spectre.Console;

namespace DimensionStore.Cli.Output;

/// <summary>A table of entries, printed a batch at a time so that a large answer appears at once and is never held whole.</summary>
internal sealed class FoundTable(IAnsiConsole console)
{
    private const int BatchSize = 500;
    private readonly List<FoundEntry> _batch = [];

    /// <summary>Adds an entry.</summary>
    public void Add(FoundEntry entry)
    {
        _batch.Add(entry);
        if (_batch.Count == BatchSize)
        {
            Flush();
        }
    }

    /// <summary>Prints what is left.</summary>
    public void Flush()
    {
        if (_batch.Count == 0)
        {
            return;
        }

        bool mixed = _batch.Any(entry => entry.IsSimulated);
        ResultTable table = mixed ? Display.CreateTable("Layer", "Keyword", "Content", "Source") : Display.CreateTable("Layer", "Keyword", "Content");
        table.KeepWhole(0);
        foreach (FoundEntry entry in _batch)
        {
            string layer = new LayerId(entry.Dimension, entry.Layer).ToString();
            if (mixed)
            {
                table.AddCells(layer, entry.Keyword, entry.Text, entry.IsSimulated ? "simulation" : "file");
            }
            else
            {
                table.AddCells(layer, entry.Keyword, entry.Text);
            }
        }

        console.Write(table);
        _batch.Clear();
    }
}

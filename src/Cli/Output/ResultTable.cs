using Spectre.Console;
using Spectre.Console.Rendering;

namespace DimensionStore.Cli.Output;

/// <summary>
/// Rows for people: a table where the terminal is wide enough for one that can be read, else each row as a list of <c>name: value</c> lines, as PowerShell's Format-List shows it. Nothing is parsed as
/// markup.
/// </summary>
/// <param name="headings">One that begins with <c>></c> is of a column that is right-aligned and never broken.</param>
/// <param name="isFacts">Whether each row is a name and its value, so that a list needs no headings.</param>
internal sealed class ResultTable(string[] headings, bool isFacts) : IRenderable
{
    // A word may be broken, and a table still be read, but not into less than this.
    private const int LeastOfWord = 11;

    // The border and a blank on both sides of each column, and the last border.
    private const int BorderPerColumn = 3;

    private static readonly Style s_bold = new(decoration: Decoration.Bold);

    private readonly bool[] _isWhole = [.. headings.Select(heading => heading.StartsWith('>'))];
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a row of plain texts; cells that are left out are empty.</summary>
    public void AddCells(params ReadOnlySpan<string> cells)
    {
        string[] row = new string[cells.Length];
        for (int i = 0; i < cells.Length; i++)
        {
            row[i] = Display.Printable(cells[i]);
        }

        _rows.Add(row);
    }

    /// <summary>Never breaks the cells of a column.</summary>
    public void KeepWhole(int column) => _isWhole[column] = true;

    /// <inheritdoc/>
    public Measurement Measure(RenderOptions options, int maxWidth) => Shape(options, maxWidth).Measure(options, maxWidth);

    /// <inheritdoc/>
    public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => Shape(options, maxWidth).Render(options, maxWidth);

    private IRenderable Shape(RenderOptions options, int width) => LeastWidth(options) <= width ? AsTable() : AsList();

    private int LeastWidth(RenderOptions options)
    {
        int width = 1;
        for (int column = 0; column < headings.Length; column++)
        {
            int least = LeastWidth(options, column, Heading(column));
            foreach (string[] row in _rows)
            {
                least = Math.Max(least, column < row.Length ? LeastWidth(options, column, row[column]) : 0);
            }

            width += least + BorderPerColumn;
        }

        return width;
    }

    private int LeastWidth(RenderOptions options, int column, string text)
    {
        Measurement size = ((IRenderable)new Text(text)).Measure(options, int.MaxValue);
        return _isWhole[column] ? size.Max : Math.Min(size.Min, LeastOfWord);
    }

    private Table AsTable()
    {
        var table = new Table { Border = TableBorder.Rounded };
        for (int column = 0; column < headings.Length; column++)
        {
            table.AddColumn(new TableColumn(new Text(Heading(column), s_bold)) { Alignment = headings[column].StartsWith('>') ? Justify.Right : Justify.Left, NoWrap = _isWhole[column] });
        }

        foreach (string[] row in _rows)
        {
            table.AddRow(row.Select(cell => new Text(cell)));
        }

        return table;
    }

    private Rows AsList()
    {
        List<IRenderable> lines = [];
        if (isFacts)
        {
            lines.AddRange(_rows.Select(row => Line(row[0], row[1])));
            return new Rows(lines);
        }

        foreach (string[] row in _rows)
        {
            if (lines.Count > 0)
            {
                lines.Add(Text.Empty);
            }

            for (int column = 0; column < row.Length; column++)
            {
                if (row[column].Length > 0)
                {
                    lines.Add(Line(Heading(column), row[column]));
                }
            }
        }

        return new Rows(lines);
    }

    private static Paragraph Line(string name, string value) => new Paragraph().Append(name + ": ", s_bold).Append(value);

    private string Heading(int column) => headings[column].TrimStart('>');
}

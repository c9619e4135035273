using System.Globalization;
using System.Xml;

namespace DimensionStore.Memory;

/// <summary>
/// Draws a <see cref="MemoryMap"/> as the elements of an SVG image. Colours are classes of a style sheet that has a light and a dark side; every shape says in its
/// <c>title</c> what it is, which viewers show when the pointer rests on it.
/// </summary>
internal sealed class MapDrawing(XmlWriter writer, MemoryMap map)
{
    internal const string SvgNamespace = "http://www.w3.org/2000/svg";

    /// <summary>Without the signs that XML would escape, so that it reads the same in SVG and in HTML.</summary>
    internal const string Style = """

        .page{fill:#ffffff}
        text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:#1c2430;font-size:13px}
        .h{font-size:20px;font-weight:600}
        .g{font-size:14px;font-weight:600}
        .m{fill:#5b6676}
        .a{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:10px;fill:#5b6676;text-anchor:end}
        .v{font-size:18px;font-weight:600}
        .l0{fill:#e6eaf0}.l1{fill:#bcd6f3}.l2{fill:#86b5e8}.l3{fill:#4a8bd4}.l4{fill:#1f5ea8}
        .r{fill:#d99a2b}.p{fill:#c4524a}
        .n{fill:url(#hatch)}.hl{stroke:#aab3bf}
        .t{fill:#f5f7fa}
        rect:hover{stroke:#111827;stroke-width:1}
        @media (prefers-color-scheme:dark){
        .page{fill:#12161d}
        text{fill:#e6e9ee}.m{fill:#9aa5b4}.a{fill:#9aa5b4}
        .l0{fill:#29303b}.l1{fill:#2b4c73}.l2{fill:#3970aa}.l3{fill:#5f9fe2}.l4{fill:#a5cff8}
        .r{fill:#e0ab4c}.p{fill:#dd766e}
        .hl{stroke:#4b5666}
        .t{fill:#1b212b}
        rect:hover{stroke:#ffffff}
        }

        """;

    private const int Columns = 96;
    private const int CellWidth = 10;
    private const int CellHeight = 12;
    private const int RowHeight = 14;
    private const int Left = 24;
    private const int CellsLeft = 136;
    private const int Right = CellsLeft + (Columns * CellWidth);
    private const int Width = Right + Left;
    private const int HeadHeight = 232;

    /// <summary>Writes the <c>svg</c> element.</summary>
    internal void Write()
    {
        int height = HeadHeight + map.Groups.Sum(group => 38 + (Rows(group) * RowHeight)) + 16;
        writer.WriteStartElement("svg", SvgNamespace);
        writer.WriteAttributeString("viewBox", Invariant($"0 0 {Width} {height}"));
        writer.WriteAttributeString("width", Invariant($"{Width}"));
        writer.WriteAttributeString("height", Invariant($"{height}"));
        writer.WriteAttributeString("role", "img");
        Element("title", $"Memory map of {map.Name}");
        Element("desc", string.Join("; ", MemoryMapText.Head(map)));
        Element("style", Style);
        WriteHatch();
        Rect("page", 0, 0, Width, height, null);
        WriteHead();
        int y = HeadHeight;
        foreach (MapGroup group in map.Groups)
        {
            WriteGroup(group, y);
            y += 38 + (Rows(group) * RowHeight);
        }

        writer.WriteEndElement();
    }

    /// <summary>What a cell, or a run of cells that are parts of the same, says of itself.</summary>
    internal static string Describe(MapCell cell, long bytes)
    {
        string address = MapNumbers.Address(cell.Address);
        if (cell.Kind == MapCellKind.NotCommitted)
        {
            return $"{address}: {MapNumbers.Size(bytes)} not committed";
        }

        if (cell.LiveBlocks == 0)
        {
            return $"{address}: {MapNumbers.Size(bytes)} free";
        }

        string share = cell.Level == 4 ? "" : $"{address}: {MapNumbers.Size(bytes)}, {MapNumbers.Percent(cell.LiveShare)} live\n";
        return cell.Block is { } block
            ? share + $"block at {MapNumbers.Address(block.Address)}: {Exact(block.UsableBytes)} usable, {Exact(block.RequestedBytes)} asked for, owner {block.Owner}" + (block.Age is { } age ? Invariant($", {age.TotalSeconds:0.0} s old") : "")
            : $"{address}: {MapNumbers.Size(bytes)}, {MapNumbers.Percent(cell.LiveShare)} live, {MapNumbers.Count(cell.LiveBlocks, "block", "blocks")}";
    }

    /// <summary>Names come from users; what XML cannot hold is shown as the replacement character.</summary>
    internal static string Clean(string text)
    {
        if (text.All(XmlConvert.IsXmlChar))
        {
            return text;
        }

        char[] clean = text.ToCharArray();
        for (int i = 0; i < clean.Length; i++)
        {
            if (char.IsHighSurrogate(clean[i]) && i + 1 < clean.Length && char.IsLowSurrogate(clean[i + 1]))
            {
                i++;
            }
            else if (!XmlConvert.IsXmlChar(clean[i]))
            {
                clean[i] = '\uFFFD';
            }
        }

        return new string(clean);
    }

    private static int Rows(MapGroup group) => (group.Cells.Count + Columns - 1) / Columns;

    private static string Exact(long bytes) => Invariant($"{bytes:N0} B");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void WriteHatch()
    {
        writer.WriteStartElement("defs", SvgNamespace);
        writer.WriteStartElement("pattern", SvgNamespace);
        writer.WriteAttributeString("id", "hatch");
        writer.WriteAttributeString("width", "4");
        writer.WriteAttributeString("height", "4");
        writer.WriteAttributeString("patternUnits", "userSpaceOnUse");
        writer.WriteAttributeString("patternTransform", "rotate(45)");
        writer.WriteStartElement("line", SvgNamespace);
        writer.WriteAttributeString("class", "hl");
        writer.WriteAttributeString("y2", "4");
        writer.WriteAttributeString("stroke-width", "2");
        writer.WriteEndElement();
        writer.WriteEndElement();
        writer.WriteEndElement();
    }

    private void WriteHead()
    {
        AllocatorStatistics s = map.Statistics;
        Text("h", Left, 40, map.Name);
        Text("m", Left, 62, $"{MapNumbers.Count(s.LiveBlocks, "live block", "live blocks")} in {MapNumbers.Count(map.Groups.Sum(group => group.Extents), "extent", "extents")}; limit {MapNumbers.Size(s.LimitBytes)}, bookkeeping {MapNumbers.Size(s.MetadataBytes)}");

        (string Value, string Label, string Note)[] tiles =
        [
            (MapNumbers.Size(s.LiveBytes), "live", "Usable bytes in live blocks."),
            (MapNumbers.Size(s.CommittedBytes), "committed", "Bytes committed."),
            (MapNumbers.Size(s.PeakLiveBytes), "peak live", "Most usable bytes in live blocks so far."),
            (MapNumbers.Percent(s.ExternalFragmentation), "external fragmentation", "Committed bytes that hold no block and cannot be given back."),
            (MapNumbers.Percent(s.InternalFragmentation), "internal fragmentation", "Live bytes that nobody asked for."),
            (map.Groups.Count == 0 ? "0 B" : MapNumbers.Size(map.Groups.Max(group => group.LargestFreeRunBytes)), "longest free run", "The longest free range in one extent."),
        ];
        const int TileWidth = 174;
        for (int i = 0; i < tiles.Length; i++)
        {
            int x = Left + (i * (TileWidth + 6));
            Rect("t", x, 78, TileWidth, 50, tiles[i].Note);
            Text("v", x + 12, 101, tiles[i].Value);
            Text("m", x + 12, 119, tiles[i].Label);
        }

        WriteBar(s);
        WriteLegend();
    }

    /// <summary>All that is committed as one bar, so that one sees at a glance where it goes.</summary>
    private void WriteBar(AllocatorStatistics s)
    {
        (string Class, long Bytes, string Label)[] parts =
        [
            ("l4", s.RequestedBytes, "asked for"),
            ("r", s.LiveBytes - s.RequestedBytes, "rounded up"),
            ("p", s.CommittedBytes - s.LiveBytes - s.IdleBytes, "free, cannot be given back"),
            ("l0", s.IdleBytes, "idle"),
        ];
        double all = Math.Max(1, parts.Sum(part => Math.Max(0, part.Bytes)));
        double x = Left;
        double label = Left;
        foreach ((string @class, long bytes, string name) in parts)
        {
            double width = Math.Max(0, bytes) / all * (Width - (2 * Left));
            if (width > 0)
            {
                Rect(@class, x, 142, width, 14, $"{name}: {MapNumbers.Size(bytes)}, {MapNumbers.Percent(bytes / all)} of what is committed");
            }

            x += width;
            string text = $"{name} {MapNumbers.Size(Math.Max(0, bytes))}";
            Rect(@class, label, 164, 10, 10, null);
            Text("m", label + 16, 173, text);
            label += 44 + (text.Length * 7);
        }
    }

    private void WriteLegend()
    {
        string[] names = ["free", "at most 25 % live", "at most 50 %", "less than all", "full"];
        int x = Left;
        Text("m", x, 207, $"a cell is {MapNumbers.Size(map.CellBytes)}");
        x += 150;
        for (int level = 0; level < names.Length; level++)
        {
            Rect(Invariant($"l{level}"), x, 197, CellWidth, CellHeight, null);
            Text("m", x + 16, 207, names[level]);
            x += 36 + (names[level].Length * 7);
        }

        Rect("n", x, 197, CellWidth, CellHeight, null);
        Text("m", x + 16, 207, "not committed");
    }

    private void WriteGroup(MapGroup group, int top)
    {
        string name = MapNumbers.Name(group);
        Text("g", Left, top + 22, name);
        Text("m", Math.Max(CellsLeft, Left + 12 + (name.Length * 9)), top + 22, MemoryMapText.Title(group)[(name.Length + 2)..] + (group.FreeRuns > 1 ? $", {MapNumbers.Percent(group.Scatter)} of the free bytes elsewhere" : ""));
        int row = 0;
        foreach (MapCell[] cells in group.Cells.Chunk(Columns))
        {
            int y = top + 32 + (row++ * RowHeight);
            Text("a", CellsLeft - 8, y + 10, MapNumbers.Address(cells[0].Address));
            for (int from = 0; from < cells.Length;)
            {
                int to = from + 1;
                long bytes = cells[from].Bytes;
                while (to < cells.Length && AreOne(cells[from], cells[to]))
                {
                    bytes += cells[to].Bytes;
                    to++;
                }

                // A hair's breadth is left between runs, so that neighbours of one colour are still seen to be two.
                string look = cells[from].Kind == MapCellKind.NotCommitted ? "n" : Invariant($"l{cells[from].Level}");
                Rect(look, CellsLeft + (from * CellWidth), y, ((to - from) * CellWidth) - 0.75, CellHeight, Describe(cells[from], bytes));
                from = to;
            }
        }
    }

    /// <summary>Whether two neighbouring cells are parts of one block or of one free run.</summary>
    private static bool AreOne(MapCell a, MapCell b) =>
        a.Kind == MapCellKind.Committed && b.Kind == MapCellKind.Committed && a.Address + (nint)a.Bytes <= b.Address
        && ((a.Level == 0 && b.Level == 0) || (a.Level == 4 && b.Level == 4 && a.Block is { } first && b.Block is { } second && first.Address == second.Address));

    private void Rect(string @class, double x, double y, double width, double height, string? title)
    {
        writer.WriteStartElement("rect", SvgNamespace);
        writer.WriteAttributeString("class", @class);
        writer.WriteAttributeString("x", Invariant($"{x:0.##}"));
        writer.WriteAttributeString("y", Invariant($"{y:0.##}"));
        writer.WriteAttributeString("width", Invariant($"{width:0.##}"));
        writer.WriteAttributeString("height", Invariant($"{height:0.##}"));
        if (title is not null)
        {
            Element("title", title);
        }

        writer.WriteEndElement();
    }

    private void Text(string @class, double x, double y, string text)
    {
        writer.WriteStartElement("text", SvgNamespace);
        writer.WriteAttributeString("class", @class);
        writer.WriteAttributeString("x", Invariant($"{x:0.##}"));
        writer.WriteAttributeString("y", Invariant($"{y:0.##}"));
        writer.WriteString(Clean(text));
        writer.WriteEndElement();
    }

    private void Element(string name, string text) => writer.WriteElementString(name, SvgNamespace, Clean(text));
}

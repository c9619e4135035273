using System.Text;
using System.Xml;

namespace DimensionStore.Memory;

/// <summary>Writes a <see cref="MemoryMap"/> as an SVG image or as an HTML page. Both are well-formed XML, stand alone, load nothing, run no script and follow the viewer's light or dark mode.</summary>
public static class MemoryMapDocument
{
    private const string Html = "http://www.w3.org/1999/xhtml";

    private const string PageStyle = """

        :root{color-scheme:light dark}
        body{margin:0;padding:16px;font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;background:#ffffff;color:#1c2430}
        .map{overflow-x:auto}
        .map svg{max-width:100%;height:auto;min-width:820px}
        main{max-width:1120px;margin:0 auto}
        h2{font-size:16px;margin:28px 0 8px}
        table{border-collapse:collapse;font-variant-numeric:tabular-nums}
        th,td{padding:4px 14px 4px 0;text-align:right;border-bottom:1px solid #dde2e9;font-weight:400}
        th{color:#5b6676}
        th:first-child,td:first-child,td.d{text-align:left}
        td.d{color:#5b6676}
        @media (prefers-color-scheme:dark){
        body{background:#12161d;color:#e6e9ee}
        th,td{border-color:#2b323d}
        th,td.d{color:#9aa5b4}
        }

        """;

    /// <summary>Writes an SVG image, in UTF-8.</summary>
    /// <param name="map">The map.</param>
    /// <param name="destination">Where to; stays open.</param>
    public static void WriteSvg(MemoryMap map, Stream destination)
    {
        using XmlWriter writer = Open(map, destination, omitDeclaration: false);
        new MapDrawing(writer, map).Write();
    }

    /// <summary>Writes an HTML page with the image and, as tables, what it was made from, in UTF-8.</summary>
    /// <param name="map">The map.</param>
    /// <param name="destination">Where to; stays open.</param>
    public static void WriteHtml(MemoryMap map, Stream destination)
    {
        using XmlWriter writer = Open(map, destination, omitDeclaration: true);
        writer.WriteDocType("html", null, null, null);
        writer.WriteStartElement("html", Html);
        writer.WriteAttributeString("lang", "en");
        WriteHead(writer, map);
        writer.WriteStartElement("body", Html);
        writer.WriteStartElement("main", Html);
        writer.WriteStartElement("div", Html);
        writer.WriteAttributeString("class", "map");
        new MapDrawing(writer, map).Write();
        writer.WriteEndElement();
        WriteGroups(writer, map);
        WriteFreeRuns(writer, map);
        WriteOwners(writer, map);
        WriteStatistics(writer, map);
        writer.WriteEndElement();
        writer.WriteEndElement();
        writer.WriteEndElement();
    }

    private static XmlWriter Open(MemoryMap map, Stream destination, bool omitDeclaration)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(destination);
        return XmlWriter.Create(destination, new XmlWriterSettings
        {
            Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            Indent = true,
            IndentChars = "",
            NewLineChars = "\n",
            OmitXmlDeclaration = omitDeclaration,
        });
    }

    private static void WriteHead(XmlWriter writer, MemoryMap map)
    {
        writer.WriteStartElement("head", Html);
        Meta(writer, "charset", "utf-8", null);
        Meta(writer, "name", "viewport", "width=device-width, initial-scale=1");

        // Nothing is loaded and nothing runs; the page says so itself, so that it may be opened without a second thought.
        Meta(writer, "http-equiv", "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
        writer.WriteElementString("title", Html, MapDrawing.Clean($"Memory map of {map.Name}"));
        writer.WriteElementString("style", Html, PageStyle);
        writer.WriteEndElement();
    }

    private static void Meta(XmlWriter writer, string attribute, string value, string? content)
    {
        writer.WriteStartElement("meta", Html);
        writer.WriteAttributeString(attribute, value);
        if (content is not null)
        {
            writer.WriteAttributeString("content", content);
        }

        writer.WriteEndElement();
    }

    private static void WriteGroups(XmlWriter writer, MemoryMap map) =>
        Table(writer, "By group", ["Group", "Extents", "Committed", "Live blocks", "Live", "Free", "Free runs", "Longest free run", "Elsewhere"], map.Groups.Select(group => new[]
        {
            MapNumbers.Name(group), MapNumbers.Number(group.Extents), MapNumbers.Size(group.CommittedBytes), MapNumbers.Number(group.LiveBlocks), MapNumbers.Size(group.LiveBytes),
            MapNumbers.Size(group.FreeBytes), MapNumbers.Number(group.FreeRuns), MapNumbers.Size(group.LargestFreeRunBytes), MapNumbers.Percent(group.Scatter),
        }));

    private static void WriteFreeRuns(XmlWriter writer, MemoryMap map) =>
        Table(writer, "Free runs by length", ["From", "Runs", "Together"], map.FreeRuns.Select(run => new[] { MapNumbers.Size(run.FromBytes), MapNumbers.Number(run.Count), MapNumbers.Size(run.Bytes) }));

    private static void WriteOwners(XmlWriter writer, MemoryMap map)
    {
        const int Shown = 50;
        string title = map.Owners.Count > Shown ? $"By owner, the largest {Shown} of {MapNumbers.Number(map.Owners.Count)}" : "By owner";
        Table(writer, title, ["Owner", "Blocks", "Live", "Asked for"], map.Owners.Take(Shown).Select(owner => new[]
        {
            new OwnerId(owner.Owner).ToString(), MapNumbers.Number(owner.LiveBlocks), MapNumbers.Size(owner.LiveBytes), MapNumbers.Size(owner.RequestedBytes),
        }));
    }

    private static void WriteStatistics(XmlWriter writer, MemoryMap map) =>
        Table(writer, "Statistics", ["Statistic", "Value", ""], Statistics.Fields<AllocatorStatistics>().Select(field => new[]
        {
            field.Property,
            field.Unit switch { "By" => MapNumbers.Size((long)field.Measure(map.Statistics)), "1" => MapNumbers.Percent(field.Measure(map.Statistics)), _ => MapNumbers.Number((long)field.Measure(map.Statistics)) },
            field.Description,
        }));

    private static void Table(XmlWriter writer, string title, string[] columns, IEnumerable<string[]> rows)
    {
        writer.WriteElementString("h2", Html, title);
        writer.WriteStartElement("table", Html);
        writer.WriteStartElement("thead", Html);
        Row(writer, "th", columns);
        writer.WriteEndElement();
        writer.WriteStartElement("tbody", Html);
        foreach (string[] row in rows)
        {
            Row(writer, "td", row);
        }

        // HTML knows no short form of an element without content.
        writer.WriteFullEndElement();
        writer.WriteEndElement();
    }

    private static void Row(XmlWriter writer, string element, string[] cells)
    {
        writer.WriteStartElement("tr", Html);
        for (int i = 0; i < cells.Length; i++)
        {
            writer.WriteStartElement(element, Html);
            if (element == "td" && i == 2 && cells[i].EndsWith('.'))
            {
                writer.WriteAttributeString("class", "d");
            }

            writer.WriteString(MapDrawing.Clean(cells[i]));
            writer.WriteFullEndElement();
        }

        writer.WriteEndElement();
    }
}

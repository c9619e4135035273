using System.Globalization;
using System.Text;
using Spectre.Console;

namespace DimensionStore.Cli.Output;

/// <summary>What people see: tables and figures. Nothing is parsed as markup, so any name or content may hold brackets.</summary>
internal static class Display
{
    /// <summary>Longest text that a table shows; <c>get</c> and <c>--json</c> give everything.</summary>
    private const int MaxCellLength = 400;

    /// <summary>An empty table.</summary>
    /// <param name="columns">Headings; one that begins with <c>></c> is right-aligned.</param>
    public static ResultTable CreateTable(params string[] columns) => new(columns, isFacts: false);

    /// <summary>An empty table of names and values about one thing.</summary>
    /// <param name="subject">What it is about.</param>
    public static ResultTable CreateFacts(string subject) => new([subject, ">Value"], isFacts: true);

    /// <summary>A heading with a rule to the right margin.</summary>
    public static void WriteHeading(this IAnsiConsole console, string title)
    {
        console.WriteLine();
        console.Write(new Rule(Markup.Escape(OneLine(title))) { Justification = Justify.Left });
    }

    /// <summary>One line of plain text.</summary>
    public static void WritePlain(this IAnsiConsole console, string line) => console.Write(new Text(Printable(line) + "\n"));

    /// <summary>Bytes with thousands separators and the unit that fits.</summary>
    public static string Size(long bytes) => bytes switch
    {
        < 10_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} B"),
        < 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:N1} KiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N1} MiB"),
    };

    /// <summary>A time in the unit that fits.</summary>
    public static string Time(TimeSpan time) => time.TotalMilliseconds switch
    {
        < 1 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMicroseconds:N0} µs"),
        < 1000 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:N1} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:N2} s"),
    };

    /// <summary>A number with thousands separators.</summary>
    public static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A frequency in hertz, as short as it is exact.</summary>
    public static string Hertz(float frequency) => string.Create(CultureInfo.InvariantCulture, $"{frequency} Hz");

    /// <summary>"1 entry", "2 entries".</summary>
    public static string Count(long count, string one, string many) => $"{Number(count)} {(count == 1 ? one : many)}";

    /// <summary>The first few of a list, and how many more there are.</summary>
    public static string Some(IReadOnlyList<string> items, int shown = 8) => items.Count <= shown
        ? string.Join(", ", items)
        : $"{string.Join(", ", items.Take(shown))}, … ({Number(items.Count)})";

    /// <summary>
    /// A message as one line that is safe to show: names of files and dimensions are anybody's, so line ends in them become spaces, and control characters, which could drive the terminal, U+FFFD.
    /// </summary>
    public static string OneLine(string text)
    {
        text = text.ReplaceLineEndings(" ");
        return text.Any(char.IsControl) ? string.Create(text.Length, text, static (line, from) =>
        {
            for (int i = 0; i < line.Length; i++)
            {
                line[i] = from[i] == '\t' ? ' ' : char.IsControl(from[i]) ? '\uFFFD' : from[i];
            }
        }) : text;
    }

    /// <summary>
    /// Text that is safe to show: control characters, which could drive the terminal that shows them, become U+FFFD, and what is too long ends in an ellipsis.
    /// </summary>
    public static string Printable(string text)
    {
        // Lines that end as on Windows are lines, and no carriage return drives the terminal then.
        text = text.Replace("\r\n", "\n", StringComparison.Ordinal);
        if (text.Length <= MaxCellLength && !text.Any(c => char.IsControl(c) && c != '\n'))
        {
            return text;
        }

        var safe = new StringBuilder(Math.Min(text.Length, MaxCellLength) + 1);
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, MaxCellLength)))
        {
            safe.Append(c switch
            {
                '\n' => '\n',
                '\t' => ' ',
                _ when char.IsControl(c) => '\uFFFD',
                _ => c,
            });
        }

        if (text.Length > MaxCellLength)
        {
            if (char.IsHighSurrogate(safe[^1]))
            {
                safe.Length--;
            }

            safe.Append('…');
        }

        return safe.ToString();
    }
}

using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;

namespace DimensionStore.Cli.Sources;

/// <summary>
/// Reads entries from CSV (RFC 4180) with a header row: the columns <c>layer</c>, <c>keywords</c> (separated by semicolons) and <c>content</c>,
/// in any order and case; others are ignored. Streams; holds one row at a time.
/// </summary>
internal static class CsvEntrySource
{
    private static readonly string[] Columns = ["layer", "keywords", "content"];

    /// <summary>Reads entries one by one.</summary>
    /// <param name="stream">UTF-8, or UTF-16 with a byte order mark.</param>
    /// <param name="sourceName">Named in errors.</param>
    /// <param name="cancellationToken">Stops between rows.</param>
    /// <exception cref="InvalidEntryException">The header lacks a column, or a row is not an entry; names the line.</exception>
    public static async IAsyncEnumerable<DimensionEntry> ReadAsync(Stream stream, string sourceName, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var reader = new StreamReader(stream, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: true, 1 << 16, leaveOpen: true);
        using var parser = new CsvParser(reader, new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Mode = CsvMode.RFC4180,
            // Blank lines are skipped below: the parser would skip them without counting on.
            IgnoreBlankLines = false,
        });

        int[]? columns = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long line = parser.RawRow + 1L;
            string[]? row = await ReadRecordAsync(parser, sourceName, line).ConfigureAwait(false);
            if (row is null)
            {
                break;
            }

            if (row is [""])
            {
                continue;
            }

            if (columns is null)
            {
                columns = ReadHeader(row, sourceName, line);
            }
            else
            {
                yield return ReadEntry(row, columns, sourceName, line);
            }
        }

        if (columns is null)
        {
            throw new InvalidEntryException("is empty; the first row must name the columns layer, keywords and content.", sourceName);
        }
    }

    /// <summary>The next row, or null at the end. All fields are taken here, because the parser complains about a field when it is taken.</summary>
    private static async ValueTask<string[]?> ReadRecordAsync(CsvParser parser, string sourceName, long line)
    {
        try
        {
            return await parser.ReadAsync().ConfigureAwait(false) ? parser.Record : null;
        }
        catch (DecoderFallbackException refusal)
        {
            throw new InvalidEntryException("the text in or soon after this line is not valid UTF-8; save the file as UTF-8.", sourceName, line, refusal);
        }
        catch (CsvHelperException refusal)
        {
            throw new InvalidEntryException("a quote is never closed, or stands inside an unquoted field; put the whole field in quotes and double those inside it.", sourceName, line, refusal);
        }
    }

    private static int[] ReadHeader(string[] row, string sourceName, long line)
    {
        int[] positions = new int[Columns.Length];
        for (int i = 0; i < Columns.Length; i++)
        {
            positions[i] = -1;
            for (int field = 0; field < row.Length; field++)
            {
                if (!row[field].Trim().Equals(Columns[i], StringComparison.OrdinalIgnoreCase))
                {
                    continue;
                }

                if (positions[i] >= 0)
                {
                    throw new InvalidEntryException($"the header names the column {Columns[i]} twice.", sourceName, line);
                }

                positions[i] = field;
            }

            if (positions[i] < 0)
            {
                throw new InvalidEntryException($"the header has no column {Columns[i]}; it must name layer, keywords and content.", sourceName, line);
            }
        }

        return positions;
    }

    private static DimensionEntry ReadEntry(string[] row, int[] columns, string sourceName, long line)
    {
        int needed = columns.Max() + 1;
        if (row.Length < needed)
        {
            throw new InvalidEntryException($"the row has {row.Length} fields, at least {needed} were expected; is a quote left open?", sourceName, line);
        }

        string layerText = row[columns[0]].Trim();
        if (!int.TryParse(layerText, NumberStyles.None, CultureInfo.InvariantCulture, out int layer) || layer > 3)
        {
            throw new InvalidEntryException($"layer '{layerText}' is not one of 0 to 3.", sourceName, line);
        }

        string[] keywords = row[columns[1]].Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return new DimensionEntry(layer, keywords, Encoding.UTF8.GetBytes(row[columns[2]])) { Line = line };
    }
}

using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace DimensionStore;

/// <summary>
/// Reads entries from JSON lines: <c>{"layer":0,"keywords":["…"],"content":"…"}</c>. Streams; holds one line at a time.
/// Bytes that are not text are given as <c>"contentBase64"</c> in place of <c>"content"</c>; <c>"keywords"</c> may be left out.
/// </summary>
public static class JsonLinesEntrySource
{
    private const int LongestLine = int.MaxValue / 2;

    /// <summary>Reads entries one by one.</summary>
    /// <param name="stream">UTF-8, with or without a byte order mark; empty lines are skipped. Left open.</param>
    /// <param name="sourceName">Named in errors.</param>
    /// <param name="cancellationToken">Stops between entries.</param>
    /// <exception cref="InvalidEntryException">A line is not such an object; names the line.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static async IAsyncEnumerable<DimensionEntry> ReadAsync(Stream stream, string sourceName, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(sourceName);
        PipeReader reader = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 64 << 10, leaveOpen: true));
        using JsonLineParser parser = new(sourceName);
        long searched = 0;
        try
        {
            while (true)
            {
                ReadResult result = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                ReadOnlySequence<byte> rest = result.Buffer;
                while (TryTakeLine(ref rest, ref searched, result.IsCompleted, out ReadOnlySequence<byte> line))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (parser.TryParse(line, out DimensionEntry entry))
                    {
                        yield return entry;
                    }
                }

                if (rest.Length > LongestLine)
                {
                    throw parser.TooLong(LongestLine);
                }

                if (result.IsCompleted)
                {
                    break;
                }

                reader.AdvanceTo(rest.Start, rest.End);
            }
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Takes a line off, without its end; the last one may have none.</summary>
    /// <param name="rest">What was read and not yet taken.</param>
    /// <param name="searched">How much of it has no line end: looking there again each time more arrives would cost the square of a long line.</param>
    /// <param name="atEnd">Whether nothing more arrives.</param>
    /// <param name="line">The line.</param>
    private static bool TryTakeLine(ref ReadOnlySequence<byte> rest, ref long searched, bool atEnd, out ReadOnlySequence<byte> line)
    {
        if (rest.Slice(searched).PositionOf((byte)'\n') is { } end)
        {
            searched = 0;
            line = rest.Slice(0, end);
            rest = rest.Slice(rest.GetPosition(1, end));
            return true;
        }

        searched = rest.Length;
        line = rest;
        if (!atEnd || rest.IsEmpty)
        {
            return false;
        }

        searched = 0;
        rest = rest.Slice(rest.End);
        return true;
    }
}

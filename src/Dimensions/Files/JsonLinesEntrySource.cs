namespace DimensionStore;

/// <summary>Reads entries from JSON lines: <c>{"layer":0,"keywords":["…"],"content":"…"}</c>. Streams; holds one line at a time.</summary>
public static class JsonLinesEntrySource
{
    /// <summary>Reads entries one by one.</summary>
    /// <param name="stream">UTF-8, with or without a byte order mark; empty lines are skipped.</param>
    /// <param name="sourceName">Named in errors.</param>
    /// <param name="cancellationToken">Stops between entries.</param>
    /// <exception cref="InvalidEntryException">A line is not such an object; names the line.</exception>
    public static IAsyncEnumerable<DimensionEntry> ReadAsync(Stream stream, string sourceName, CancellationToken cancellationToken = default) => throw new NotImplementedException();
}

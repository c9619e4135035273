namespace DimensionStore.Cli.Sources;

/// <summary>Opens what <c>new --from</c> names.</summary>
internal sealed class EntrySource : IDisposable
{
    private readonly Stream _stream;

    private EntrySource(Stream stream, IAsyncEnumerable<DimensionEntry> entries, string name)
    {
        _stream = stream;
        Entries = entries;
        Name = name;
    }

    /// <summary>How errors call it.</summary>
    public string Name { get; }

    /// <summary>The entries, read while they are asked for.</summary>
    public IAsyncEnumerable<DimensionEntry> Entries { get; }

    /// <summary>Opens a source.</summary>
    /// <param name="context">Has standard input and the cancellation.</param>
    /// <param name="source">A <c>.jsonl</c> or <c>.csv</c> file, or <c>-</c>.</param>
    public static EntrySource Open(CliContext context, string source)
    {
        if (source == "-")
        {
            const string name = "standard input";
            switch (context.Terminal.Input())
            {
                case StandardInput.Closed:
                    throw new IOException("--from -: standard input is closed; connect it to a file or a pipe, or name a .jsonl or .csv file.");
                case StandardInput.Terminal:
                    context.Note($"reading JSON lines from standard input, which is this terminal; {(OperatingSystem.IsWindows() ? "Ctrl+Z and Enter end" : "Ctrl+D ends")} them, Ctrl+C stops.");
                    break;
            }

            var input = new InterruptibleStream(context.Input);
            return new EntrySource(input, JsonLinesEntrySource.ReadAsync(input, name, context.Cancellation), name);
        }

        Func<Stream, string, CancellationToken, IAsyncEnumerable<DimensionEntry>> read = Path.GetExtension(source).ToLowerInvariant() switch
        {
            ".jsonl" => JsonLinesEntrySource.ReadAsync,
            ".csv" => CsvEntrySource.ReadAsync,
            _ => throw new CliUsageException($"--from {source}: the source is a .jsonl file, a .csv file, or - for JSON lines on standard input."),
        };

        if (Directory.Exists(source))
        {
            throw new IOException($"--from {source}: this is a directory; name a .jsonl or .csv file.");
        }

        FileStream file;
        try
        {
            file = new FileStream(source, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FileNotFoundException($"--from {source}: there is no such file; name a .jsonl or .csv file, or - for standard input.", source, e);
        }

        return new EntrySource(file, read(file, source, context.Cancellation), source);
    }

    public void Dispose() => _stream.Dispose();
}

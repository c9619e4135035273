using System.IO.Pipelines;

namespace DimensionStore;

/// <summary>
/// Builds one dimension file from entries in any order. The file appears under its name whole, synced and at once, or not at all.
/// Memory stays within <see cref="DimensionWriterOptions.MemoryBytes"/>, but for what a single entry needs. Not thread-safe.
/// </summary>
/// <remarks>How and why: <c>README.md</c> beside this file.</remarks>
public sealed class DimensionFileWriter : IDisposable
{
    private readonly AtomicFile _file;
    private readonly DimensionComposer _composer;
    private readonly FileOperations _operations;
    private State _state;

    /// <summary>Begins a file. Refuses at once what could not be written at the end: a bad name, an existing file, an immutable one, a missing directory.</summary>
    /// <param name="path">The file to make. Its directory must exist.</param>
    /// <param name="options">What to make.</param>
    /// <exception cref="ArgumentException">The options contradict the format.</exception>
    /// <exception cref="CodecUnavailableException">A layer's codec needs a library of the system that is not installed.</exception>
    /// <exception cref="DimensionFileExistsException">There is a file and overwriting was not asked for.</exception>
    /// <exception cref="ImmutableDimensionException">There is a file, and it or the dimension is immutable.</exception>
    /// <exception cref="IOException">The directory is missing, or the path is a directory.</exception>
    /// <exception cref="UnauthorizedAccessException">No permission to write there.</exception>
    public DimensionFileWriter(string path, DimensionWriterOptions options)
        : this(path, options, FileOperations.Default)
    {
    }

    internal DimensionFileWriter(string path, DimensionWriterOptions options, FileOperations operations, long layerLimit = uint.MaxValue)
    {
        WriterOptionsCheck.Check(options);
        _operations = operations;
        _file = new AtomicFile(operations, path, options.Id, options.Overwrite);
        _composer = new DimensionComposer(options, new ScratchSpace(operations, _file.DirectoryPath, Path.GetFileName(_file.FilePath)), layerLimit);
    }

    private enum State
    {
        Collecting,
        Adding,
        Ended,
    }

    /// <summary>Entries added so far.</summary>
    public long EntryCount => _composer.EntryCount;

    internal DimensionComposer Composer => _composer;

    /// <summary>Declares a layer even if it gets no entries.</summary>
    /// <param name="layer">Layer number, 0 to 3.</param>
    /// <exception cref="InvalidEntryException">There is no such layer.</exception>
    public void AddLayer(int layer)
    {
        ThrowUnlessCollecting();
        _composer.AddLayer(layer);
    }

    /// <summary>Appends one entry. One that is refused leaves the writer as it was.</summary>
    /// <param name="layer">Layer number, 0 to 3.</param>
    /// <param name="keywords">Its keywords; may be empty. One that occurs twice, in whatever case, counts once.</param>
    /// <param name="content">Its bytes; may be empty.</param>
    /// <returns>Where the entry lies in its layer.</returns>
    /// <exception cref="InvalidEntryException">No such layer, a keyword that cannot be indexed, or more than a layer holds.</exception>
    /// <exception cref="Memory.LimitExceededException">The file would be larger than <see cref="DimensionWriterOptions.MaxTotalBytes"/>.</exception>
    /// <exception cref="IOException">A scratch file could not be written.</exception>
    public EntryLocation AddEntry(int layer, IReadOnlyList<string> keywords, ReadOnlySpan<byte> content)
    {
        ArgumentNullException.ThrowIfNull(keywords);
        ThrowUnlessCollecting();
        return _composer.AddEntry(layer, keywords, content);
    }

    /// <summary>Appends one entry whose keywords are at hand as UTF-8: no strings are made.</summary>
    /// <param name="layer">Layer number, 0 to 3.</param>
    /// <param name="keywords">Keywords as UTF-8, separated by zero bytes; may be empty.</param>
    /// <param name="content">Its bytes; may be empty.</param>
    /// <returns>Where the entry lies in its layer.</returns>
    /// <exception cref="InvalidEntryException">No such layer, a keyword that cannot be indexed, or more than a layer holds.</exception>
    /// <exception cref="Memory.LimitExceededException">The file would be larger than <see cref="DimensionWriterOptions.MaxTotalBytes"/>.</exception>
    /// <exception cref="IOException">A scratch file could not be written.</exception>
    public EntryLocation AddEntryUtf8(int layer, ReadOnlySpan<byte> keywords, ReadOnlySpan<byte> content)
    {
        ThrowUnlessCollecting();
        return _composer.AddEntryUtf8(layer, keywords, content);
    }

    /// <summary>Appends one entry whose content is streamed. Nothing else may be called until it is done.</summary>
    /// <param name="layer">Layer number, 0 to 3.</param>
    /// <param name="keywords">Its keywords; may be empty.</param>
    /// <param name="content">Read to its end; completing it stays the caller's.</param>
    /// <param name="cancellationToken">Gives the entry up and leaves the writer as it was.</param>
    /// <returns>Where the entry lies in its layer.</returns>
    /// <exception cref="InvalidEntryException">No such layer, a keyword that cannot be indexed, or more than a layer holds.</exception>
    /// <exception cref="Memory.LimitExceededException">The file would be larger than <see cref="DimensionWriterOptions.MaxTotalBytes"/>.</exception>
    /// <exception cref="IOException">A scratch file could not be written, or the content not be read.</exception>
    public async ValueTask<EntryLocation> AddEntryAsync(int layer, IReadOnlyList<string> keywords, PipeReader content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keywords);
        ArgumentNullException.ThrowIfNull(content);
        ThrowUnlessCollecting();
        _state = State.Adding;
        try
        {
            return await _composer.AddEntryAsync(layer, keywords, content, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (_state == State.Adding)
            {
                _state = State.Collecting;
            }
        }
    }

    /// <summary>Appends one entry whose content is a stream's.</summary>
    /// <param name="layer">Layer number, 0 to 3.</param>
    /// <param name="keywords">Its keywords; may be empty.</param>
    /// <param name="content">Read to its end and left open.</param>
    /// <param name="cancellationToken">Gives the entry up and leaves the writer as it was.</param>
    /// <returns>Where the entry lies in its layer.</returns>
    /// <inheritdoc cref="AddEntryAsync(int, IReadOnlyList{string}, PipeReader, CancellationToken)" path="/exception"/>
    public async ValueTask<EntryLocation> AddEntryAsync(int layer, IReadOnlyList<string> keywords, Stream content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        PipeReader reader = PipeReader.Create(content, new StreamPipeReaderOptions(bufferSize: 64 << 10, leaveOpen: true));
        try
        {
            return await AddEntryAsync(layer, keywords, reader, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Writes the file, syncs it, renames it into place and syncs the directory. Nothing can be added afterwards, whether it succeeds or not.</summary>
    /// <param name="cancellationToken">Stops the writing; the old file, if any, stays.</param>
    /// <returns>Header and metadata of the new file.</returns>
    /// <exception cref="InvalidEntryException">There are no layers, or more of something than the format can say.</exception>
    /// <exception cref="Memory.LimitExceededException">The file would be larger than <see cref="DimensionWriterOptions.MaxTotalBytes"/>.</exception>
    /// <exception cref="DimensionFileExistsException">A file has appeared meanwhile and overwriting was not asked for.</exception>
    /// <exception cref="ImmutableDimensionException">An immutable file has appeared meanwhile.</exception>
    /// <exception cref="IOException">
    /// The file could not be written. The old one is untouched, unless it was the directory's sync that failed: then the new file is in place,
    /// whole, and only a power failure could still take it back.
    /// </exception>
    public DimensionDescriptor Complete(CancellationToken cancellationToken = default)
    {
        DimensionDescriptor descriptor = Prepare(cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        _file.Commit();
        return descriptor;
    }

    /// <summary>The first half of <see cref="Complete"/>: writes and syncs the file under its temporary name and lets go of all memory. Apart, so that a set of files can be made whole before the first of them appears.</summary>
    internal DimensionDescriptor Prepare(CancellationToken cancellationToken)
    {
        ThrowUnlessCollecting();
        _state = State.Ended;
        DimensionDescriptor descriptor;
        using (FileSink sink = new(_operations, _file.Handle, _composer.Memory))
        {
            descriptor = _composer.Compose(sink, _file.FilePath, cancellationToken);
            sink.FlushBuffer();
        }

        cancellationToken.ThrowIfCancellationRequested();
        _file.Flush();
        _composer.Dispose();
        return descriptor;
    }

    /// <summary>The second half for a set of prepared files: gives them their names, one directly after the other.</summary>
    internal static void CommitAll(IEnumerable<DimensionFileWriter> writers) => AtomicFile.CommitAll([.. writers.Select(static writer => writer._file)]);

    /// <summary>Gives up what was not completed and removes scratch files.</summary>
    public void Dispose()
    {
        _state = State.Ended;
        _composer.Dispose();
        _file.Dispose();
    }

    /// <summary>Composes an image in memory, of entries that are made up and not read from a file.</summary>
    internal static byte[] BuildImage(DimensionWriterOptions options, IEnumerable<DimensionEntry> entries)
    {
        using DimensionComposer composer = new(options, scratch: null);
        foreach (DimensionEntry entry in entries)
        {
            composer.AddEntry(entry.Layer, entry.Keywords, entry.Content.Span);
        }

        using MemorySink sink = new();
        composer.Compose(sink, filePath: null, CancellationToken.None);
        return sink.ToArray();
    }

    private void ThrowUnlessCollecting()
    {
        if (_state != State.Collecting)
        {
            throw new InvalidOperationException(_state == State.Adding
                ? "An entry's content is still being read; wait for it."
                : "The file was completed or given up; begin another one.");
        }
    }
}

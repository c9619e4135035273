using System.IO.Pipelines;

namespace DimensionStore;

/// <summary>
/// Builds one dimension file from entries in any order. The file appears under its name whole, synced and at once, or not at all.
/// Not thread-safe.
/// </summary>
public sealed class DimensionFileWriter : IDisposable
{
    /// <summary>Begins a file. Refuses at once what could not be written at the end: a bad name, an existing file, an immutable one, a missing directory.</summary>
    public DimensionFileWriter(string path, DimensionWriterOptions options) => throw new NotImplementedException();

    /// <summary>Entries added so far.</summary>
    public long EntryCount => throw new NotImplementedException();

    /// <summary>Declares a layer even if it gets no entries.</summary>
    public void AddLayer(int layer) => throw new NotImplementedException();

    /// <summary>Appends one entry.</summary>
    /// <param name="layer">Layer number, 0 to 3.</param>
    /// <param name="keywords">Its keywords; may be empty.</param>
    /// <param name="content">Its bytes; may be empty.</param>
    /// <returns>Where the entry lies in its layer.</returns>
    public EntryLocation AddEntry(int layer, IReadOnlyList<string> keywords, ReadOnlySpan<byte> content) => throw new NotImplementedException();

    /// <summary>Appends one entry whose content is streamed.</summary>
    public ValueTask<EntryLocation> AddEntryAsync(int layer, IReadOnlyList<string> keywords, PipeReader content, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Writes the file, syncs it, renames it into place and syncs the directory.</summary>
    public DimensionDescriptor Complete(CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Gives up what was not completed and removes scratch files.</summary>
    public void Dispose() => throw new NotImplementedException();
}

namespace DimensionStore;

/// <summary>An entry given to a writer, or read from a source, is not one that a file can hold.</summary>
public sealed class InvalidEntryException : DimensionStoreException
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">What was wrong and what would be right.</param>
    /// <param name="source">File or stream it came from, or null.</param>
    /// <param name="line">Line number from 1, or null.</param>
    /// <param name="innerException">The cause.</param>
    public InvalidEntryException(string message, string? source = null, long? line = null, Exception? innerException = null)
        : base(source is null ? message : line is null ? $"{source}: {message}" : $"{source}, line {line}: {message}", innerException)
    {
        SourceName = source;
        Line = line;
    }

    /// <summary>File or stream it came from, or null.</summary>
    public string? SourceName { get; }

    /// <summary>Line number from 1, or null.</summary>
    public long? Line { get; }
}

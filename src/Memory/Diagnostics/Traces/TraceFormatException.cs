namespace DimensionStore.Memory;

/// <summary>Bytes that claim to be an allocation trace break a rule of the format. Names the rule, the file, the offset, what was expected, what was found, and what to do.</summary>
public sealed class TraceFormatException : MemoryToolkitException
{
    /// <summary>Creates the error.</summary>
    /// <param name="error">The broken rule.</param>
    /// <param name="offset">Offset where it shows, in the trace as it is after decompression.</param>
    /// <param name="expected">What the rule asks for.</param>
    /// <param name="found">What is there.</param>
    /// <param name="filePath">The file, or null for a stream or bytes in memory.</param>
    /// <param name="innerException">What the decompressor said.</param>
    public TraceFormatException(TraceFormatError error, long offset, string expected, string found, string? filePath = null, Exception? innerException = null)
        : base($"{filePath ?? "(memory)"}: {error} at offset {offset:N0}: expected {expected}, found {found}. {Advice(error)}", innerException)
    {
        Error = error;
        Offset = offset;
        Expected = expected;
        Found = found;
        FilePath = filePath;
    }

    /// <summary>The broken rule.</summary>
    public TraceFormatError Error { get; }

    /// <summary>Offset where it shows, in the trace as it is after decompression.</summary>
    public long Offset { get; }

    /// <summary>What the rule asks for.</summary>
    public string Expected { get; }

    /// <summary>What is there.</summary>
    public string Found { get; }

    /// <summary>The file, or null for a stream or bytes in memory.</summary>
    public string? FilePath { get; }

    /// <summary>The same error, naming a file.</summary>
    public TraceFormatException InFile(string filePath) => new(Error, Offset, Expected, Found, filePath, InnerException);

    private static string Advice(TraceFormatError error) => error switch
    {
        TraceFormatError.BadMagic => "This is no allocation trace; name another file.",
        TraceFormatError.TooManyRecords => "Read with a higher maxRecords if the memory for so many is there, or record a shorter run.",
        TraceFormatError.TooShort or TraceFormatError.Truncated or TraceFormatError.TrailingData or TraceFormatError.BadCompression
            => "Copy the file again from where it came from, or record it anew.",
        _ => "Mend what wrote the trace, or record it anew.",
    };
}

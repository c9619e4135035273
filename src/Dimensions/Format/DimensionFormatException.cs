namespace DimensionStore;

/// <summary>Bytes that claim to be a dimension file break a rule of the format. Names the rule, the file, the offset, what was found and what was expected.</summary>
public sealed class DimensionFormatException : DimensionStoreException
{
    /// <summary>Creates the error.</summary>
    /// <param name="error">The broken rule.</param>
    /// <param name="offset">Offset in the file where it shows.</param>
    /// <param name="expected">What the rule asks for.</param>
    /// <param name="found">What is there.</param>
    /// <param name="filePath">The file, or null for bytes in memory.</param>
    public DimensionFormatException(DimensionFormatError error, long offset, string expected, string found, string? filePath = null)
        : base($"{filePath ?? "(memory)"}: {error} at offset {offset:N0}: expected {expected}, found {found}.")
    {
        Error = error;
        Offset = offset;
        Expected = expected;
        Found = found;
        FilePath = filePath;
    }

    /// <summary>The broken rule.</summary>
    public DimensionFormatError Error { get; }

    /// <summary>Offset in the file where it shows.</summary>
    public long Offset { get; }

    /// <summary>What the rule asks for.</summary>
    public string Expected { get; }

    /// <summary>What is there.</summary>
    public string Found { get; }

    /// <summary>The file, or null for bytes in memory.</summary>
    public string? FilePath { get; }

    /// <summary>The same error, naming a file.</summary>
    public DimensionFormatException InFile(string filePath) => new(Error, Offset, Expected, Found, filePath);
}

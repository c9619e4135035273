namespace DimensionStore;

/// <summary>Bytes that claim to be a dimension file break a rule of the format. Names the rule, the file, the offset, what was found, what was expected, and what to do.</summary>
public sealed class DimensionFormatException : DimensionStoreException
{
    /// <summary>Creates the error.</summary>
    /// <param name="error">The broken rule.</param>
    /// <param name="offset">Offset in the file where it shows.</param>
    /// <param name="expected">What the rule asks for.</param>
    /// <param name="found">What is there.</param>
    /// <param name="filePath">The file, or null for bytes in memory.</param>
    public DimensionFormatException(DimensionFormatError error, long offset, string expected, string found, string? filePath = null)
        : base($"{filePath ?? "(memory)"}: {error} at offset {offset:N0}: expected {expected}, found {found}. {Advice(error)}")
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

    private static string Advice(DimensionFormatError error) => error switch
    {
        DimensionFormatError.TooShort or DimensionFormatError.Truncated or DimensionFormatError.TrailingData
            => "Copy the file again from where it came from, or make it anew.",
        DimensionFormatError.HeaderChecksum or DimensionFormatError.LayerChecksum or DimensionFormatError.IndexChecksum or DimensionFormatError.Seal
            => "The file was changed or damaged: take it from a backup, or make it anew.",
        DimensionFormatError.BadMagic => "This is no dimension file; name another one.",
        DimensionFormatError.BadDimensionId => "Name the file by the number it was made with, or make it anew.",
        DimensionFormatError.UnknownExtension or DimensionFormatError.UnknownExtensionVersion or DimensionFormatError.UnknownExtensionFlag or DimensionFormatError.UnknownCodec
            => "If a newer version wrote the file, read it with that one; else make it anew.",
        DimensionFormatError.MissingSeal => "Make the file anew, and not as a plain one.",
        _ => "Mend what wrote the file, or make it anew.",
    };
}

namespace DimensionStore.PowerShell;

/// <summary>What the full check of a dimension file found.</summary>
public sealed class DimensionFileTest
{
    internal DimensionFileTest(VerificationResult result)
    {
        Result = result;
    }

    /// <summary>Whether no rule is broken.</summary>
    public bool IsValid => Result.IsValid;

    /// <summary>The dimension, or null when the header is broken.</summary>
    public DimensionId? Id => Result.Descriptor?.Id;

    /// <summary>Its name, or null when the header is broken.</summary>
    public string? Name => Result.Descriptor?.Name;

    /// <summary>The first broken rule, or null.</summary>
    public DimensionFormatError? Error => Result.Error?.Error;

    /// <summary>Offset at which it shows, or null.</summary>
    public long? Offset => Result.Error?.Offset;

    /// <summary>What was expected and what was found, or null.</summary>
    public string? Message => Result.Error?.Message;

    /// <summary>How many bytes were read and checked.</summary>
    public long BytesRead => Result.BytesRead;

    /// <summary>What was checked, by name.</summary>
    public IReadOnlyList<string> Checks => Result.Checks;

    /// <summary>The file.</summary>
    public string FilePath => Result.FilePath;

    /// <summary>The library's own object.</summary>
    public VerificationResult Result { get; }

    /// <summary>The file once more, under the name by which -LiteralPath takes it from a pipeline.</summary>
    public string PSPath => FilePath;

    /// <inheritdoc/>
    public override string ToString() => FilePath;
}

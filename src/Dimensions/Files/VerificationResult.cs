namespace DimensionStore;

/// <summary>What a full verification of a file found.</summary>
/// <param name="FilePath">The file.</param>
/// <param name="Descriptor">Header and metadata, null when these are broken.</param>
/// <param name="Error">The first broken rule, or null.</param>
/// <param name="BytesRead">How much was read and checked.</param>
/// <param name="Checks">What was checked, by name: "header", "layer 0", "index", "seal"; a plain file has no checksums to check.</param>
public sealed record VerificationResult(string FilePath, DimensionDescriptor? Descriptor, DimensionFormatException? Error, long BytesRead, IReadOnlyList<string> Checks)
{
    /// <summary>True when no rule is broken.</summary>
    public bool IsValid => Error is null;
}

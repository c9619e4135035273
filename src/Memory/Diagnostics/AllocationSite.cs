namespace DimensionStore.Memory;

/// <summary>Where in the source a block was allocated, as the compiler tells the callee.</summary>
/// <param name="File">Path of the source file; null where it is not known.</param>
/// <param name="Line">Line in it, from 1.</param>
public readonly record struct AllocationSite(string? File, int Line)
{
    /// <summary>A site that nobody recorded.</summary>
    public static AllocationSite Unknown => default;

    /// <summary>Whether the site is known.</summary>
    public bool IsKnown => File is not null;

    /// <inheritdoc/>
    public override string ToString() => File is null ? "an unrecorded place" : $"{File}:{Line}";
}

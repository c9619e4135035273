namespace DimensionStore;

/// <summary>Header and metadata of a dimension file, checked. Immutable; holds no reference to the file.</summary>
public sealed class DimensionDescriptor
{
    internal DimensionDescriptor()
    {
    }

    /// <summary>The dimension.</summary>
    public DimensionId Id { get; internal init; }

    /// <summary>Its name.</summary>
    public string Name { get; internal init; } = "";

    /// <summary>Length of the file in bytes.</summary>
    public long TotalSize { get; internal init; }

    /// <summary>Whether the file has no extension block: no checksums, no index.</summary>
    public bool IsPlain { get; internal init; }

    /// <summary>Whether the file carries a SHA-256 seal.</summary>
    public bool IsSealed { get; internal init; }

    /// <summary>Length of the layer metadata behind the 256-byte header.</summary>
    public int MetadataLength { get; internal init; }

    /// <summary>Where the keyword index begins, 0 without one.</summary>
    public long IndexOffset { get; internal init; }

    /// <summary>Length of the keyword index, 0 without one.</summary>
    public long IndexLength { get; internal init; }

    /// <summary>Whether there is a keyword index.</summary>
    public bool HasIndex => IndexLength != 0;

    /// <summary>One to four layers, ascending by number.</summary>
    public IReadOnlyList<LayerDescriptor> Layers { get; internal init; } = [];

    /// <summary>Reads and checks header and metadata.</summary>
    /// <param name="image">At least the header and the metadata: the first bytes of the file.</param>
    /// <param name="fileLength">Length of the whole file.</param>
    /// <param name="filePath">Named in errors.</param>
    /// <exception cref="DimensionFormatException">A rule of the format is broken.</exception>
    public static DimensionDescriptor Parse(ReadOnlySpan<byte> image, long fileLength, string? filePath = null) => throw new NotImplementedException();
}

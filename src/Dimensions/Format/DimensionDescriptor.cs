using System.Diagnostics.CodeAnalysis;

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

    /// <summary>CRC-32C of the keyword index; null without one.</summary>
    internal uint? IndexChecksum { get; init; }

    /// <summary>Reads and checks header and metadata. Allocates no more than a copy of the metadata and the descriptors.</summary>
    /// <param name="image">At least the header and the metadata: the first bytes of the file.</param>
    /// <param name="fileLength">Length of the whole file.</param>
    /// <param name="filePath">Named in errors.</param>
    /// <exception cref="DimensionFormatException">A rule of the format is broken.</exception>
    /// <exception cref="ArgumentException"><paramref name="image"/> ends before the metadata although the file goes on, or is longer than the file.</exception>
    public static DimensionDescriptor Parse(ReadOnlySpan<byte> image, long fileLength, string? filePath = null)
        => TryParse(image, fileLength, filePath, out DimensionDescriptor? descriptor, out int needed)
            ? descriptor
            : throw new ArgumentException($"The image has {image.Length:N0} bytes and ends inside the metadata; give at least {needed:N0} of the file's {fileLength:N0} bytes.", nameof(image));

    /// <summary>
    /// Reads and checks header and metadata from as much of the file as has been read so far. Begin with at least
    /// <see cref="DimensionFormat.HeaderBytes"/>, or the whole file if it is shorter; while the answer is false, read on to <paramref name="needed"/> bytes and ask again.
    /// </summary>
    /// <param name="prefix">The first bytes of the file.</param>
    /// <param name="fileLength">Length of the whole file.</param>
    /// <param name="filePath">Named in errors.</param>
    /// <param name="descriptor">The result.</param>
    /// <param name="needed">
    /// How many bytes from the start are needed, more than <paramref name="prefix"/> has and at most <paramref name="fileLength"/>:
    /// exact for an extended file, at least double what was there for a plain one, whose metadata only ends where it ends.
    /// </param>
    /// <exception cref="DimensionFormatException">A rule of the format is broken.</exception>
    internal static bool TryParse(ReadOnlySpan<byte> prefix, long fileLength, string? filePath, [NotNullWhen(true)] out DimensionDescriptor? descriptor, out int needed)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefix.Length, fileLength, nameof(prefix));
        var parser = new DescriptorParser(prefix, fileLength, filePath);
        return parser.TryParse(out descriptor, out needed);
    }

    /// <summary>Refuses a file of an immutable dimension that has no seal. The format itself accepts one; a store does not.</summary>
    /// <exception cref="DimensionFormatException">The dimension is immutable and the file has no seal.</exception>
    internal void RequireSeal(string? filePath)
    {
        if (Id.IsImmutable && !IsSealed)
        {
            throw new DimensionFormatException(
                DimensionFormatError.MissingSeal,
                IsPlain ? DimensionFormat.ReservedOffset : DimensionFormat.FlagsOffset,
                $"a SHA-256 seal, since {Id} is immutable",
                IsPlain ? "a plain file" : "an extension block without the seal flag",
                filePath);
        }
    }
}

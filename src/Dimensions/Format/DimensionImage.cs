namespace DimensionStore;

/// <summary>A whole dimension file in memory.</summary>
internal static unsafe class DimensionImage
{
    /// <summary>Checks everything that can be checked: header, metadata, checksums, padding, seal, compressed contents and the structure of the index.</summary>
    /// <param name="image">The whole file.</param>
    /// <param name="filePath">Named in errors.</param>
    /// <exception cref="DimensionFormatException">The first broken rule.</exception>
    public static DimensionDescriptor Verify(ReadOnlySpan<byte> image, string? filePath = null)
    {
        DimensionDescriptor descriptor = DimensionDescriptor.Parse(image, image.Length, filePath);
        Verify(descriptor, image, filePath);
        return descriptor;
    }

    /// <summary>Checks everything but header and metadata, which have been parsed before.</summary>
    /// <param name="descriptor">Parsed from the same bytes.</param>
    /// <param name="image">The whole file.</param>
    /// <param name="filePath">Named in errors.</param>
    /// <exception cref="DimensionFormatException">The first broken rule.</exception>
    public static void Verify(DimensionDescriptor descriptor, ReadOnlySpan<byte> image, string? filePath = null)
    {
        fixed (byte* start = image)
        {
            new ImageVerifier(descriptor, new MemoryImageSource(start, image.Length), filePath).Run();
        }
    }
}

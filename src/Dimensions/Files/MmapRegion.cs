namespace DimensionStore;

/// <summary>
/// One dimension in memory: a mapped file, a private copy, or a simulated image. Header and metadata are checked when it is opened;
/// everything read later is bounds-checked. Immutable and thread-safe; whoever disposes it must know that nobody reads any more.
/// </summary>
public sealed class MmapRegion : IDisposable
{
    private MmapRegion()
    {
    }

    /// <summary>Header and metadata.</summary>
    public DimensionDescriptor Descriptor => throw new NotImplementedException();

    /// <summary>The file, or null for a simulated image.</summary>
    public string? FilePath => throw new NotImplementedException();

    /// <summary>Where the bytes live.</summary>
    public Residency Residency => throw new NotImplementedException();

    /// <summary>Length in bytes (the specification's <c>size()</c>).</summary>
    public long Size => throw new NotImplementedException();

    /// <summary>The whole image. Valid until <see cref="Dispose"/>.</summary>
    public ReadOnlySpan<byte> Image => throw new NotImplementedException();

    /// <summary>Maps or copies a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="residency">Where its bytes shall live.</param>
    /// <param name="verify">Check everything, not only header and metadata.</param>
    /// <exception cref="DimensionFormatException">A rule of the format is broken.</exception>
    /// <exception cref="IOException">The file cannot be opened, read or mapped.</exception>
    public static MmapRegion Open(string path, Residency residency = Residency.Shared, bool verify = false) => throw new NotImplementedException();

    /// <summary>Copies an image that was built in memory.</summary>
    internal static MmapRegion FromImage(ReadOnlySpan<byte> image) => throw new NotImplementedException();

    /// <summary>Bytes of the image, bounds-checked (the specification's <c>access(offset, size)</c>).</summary>
    /// <exception cref="OutOfBoundsException">The range is not inside the image.</exception>
    public ReadOnlySpan<byte> Access(long offset, int size) => throw new NotImplementedException();

    /// <summary>The stored bytes of a layer.</summary>
    /// <exception cref="LayerNotFoundException">The file has no such layer.</exception>
    public ReadOnlySpan<byte> StoredLayer(int layer) => throw new NotImplementedException();

    /// <summary>The keyword index over the image; empty where the file has none.</summary>
    public KeywordIndex Index => throw new NotImplementedException();

    /// <summary>Unmaps.</summary>
    public void Dispose() => throw new NotImplementedException();
}

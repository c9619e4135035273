namespace DimensionStore.PowerShell;

/// <summary>What a dimension file says of itself.</summary>
public sealed class DimensionFileInfo
{
    internal DimensionFileInfo(string filePath, DimensionDescriptor descriptor, long? entryCount = null, bool wasKept = false)
    {
        FilePath = filePath;
        Descriptor = descriptor;
        EntryCount = entryCount;
        WasKept = wasKept;
    }

    /// <summary>The dimension.</summary>
    public DimensionId Id => Descriptor.Id;

    /// <summary>Its name.</summary>
    public string Name => Descriptor.Name;

    /// <summary>Length of the file in bytes.</summary>
    public long Length => Descriptor.TotalSize;

    /// <summary>Its layers, ascending by number.</summary>
    public IReadOnlyList<LayerDescriptor> Layers => Descriptor.Layers;

    /// <summary>Whether the file is a plain V1 file: no checksums, no index.</summary>
    public bool IsPlain => Descriptor.IsPlain;

    /// <summary>Whether the file carries a SHA-256 seal.</summary>
    public bool IsSealed => Descriptor.IsSealed;

    /// <summary>Whether the file has a keyword index.</summary>
    public bool HasIndex => Descriptor.HasIndex;

    /// <summary>Entries written by the command that made the file; null where the file was only read, since the header does not count them.</summary>
    public long? EntryCount { get; }

    /// <summary>Whether an existing immutable file was left as it is.</summary>
    public bool WasKept { get; }

    /// <summary>The file.</summary>
    public string FilePath { get; }

    /// <summary>The library's own object, with every offset.</summary>
    public DimensionDescriptor Descriptor { get; }

    /// <summary>The file once more, under the name by which -LiteralPath takes it from a pipeline.</summary>
    public string PSPath => FilePath;

    /// <inheritdoc/>
    public override string ToString() => FilePath;
}

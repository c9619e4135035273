namespace DimensionStore;

/// <summary>What a <see cref="DimensionFileWriter"/> makes.</summary>
public sealed record DimensionWriterOptions
{
    /// <summary>The dimension.</summary>
    public required DimensionId Id { get; init; }

    /// <summary>Its name: 1 to 64 bytes of UTF-8.</summary>
    public required string Name { get; init; }

    /// <summary>A plain V1 file: no extension block, no checksums, no index. Not for an immutable dimension, whose seal has no place in it.</summary>
    public bool Plain { get; init; }

    /// <summary>Replace an existing file. Never replaces an immutable dimension's.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Settings per layer; a layer that is not listed has the defaults.</summary>
    public IReadOnlyDictionary<int, LayerSettings> Layers { get; init; } = new Dictionary<int, LayerSettings>();

    /// <summary>The largest file to write, in bytes; more is refused before the old file is touched. Null: no limit but the format's.</summary>
    public long? MaxTotalBytes { get; init; }

    /// <summary>Bytes of entry content and keys held in memory before they go to scratch files.</summary>
    public int MemoryBytes { get; init; } = 16 << 20;
}

namespace DimensionStore;

/// <summary>What a writer says about a layer beside its content.</summary>
public sealed record LayerSettings
{
    /// <summary>Depth of the layer; its number when null.</summary>
    public byte? Depth { get; init; }

    /// <summary>Frequency in hertz, finite and not negative.</summary>
    public float Frequency { get; init; }

    /// <summary>
    /// The keywords that name the layer in the metadata. Null takes them from the entries: all of them in a plain file,
    /// the first 256 (at most 8 KiB) in an indexed one, where the index holds the rest.
    /// </summary>
    public IReadOnlyList<string>? Keywords { get; init; }

    /// <summary>How the content is stored.</summary>
    public LayerCodec Codec { get; init; }
}

namespace DimensionStore;

/// <summary>What a file's metadata says about one layer.</summary>
public sealed class LayerDescriptor
{
    internal LayerDescriptor()
    {
    }

    /// <summary>Layer number, 0 to 3.</summary>
    public int Layer { get; internal init; }

    /// <summary>Depth of the layer.</summary>
    public byte Depth { get; internal init; }

    /// <summary>Frequency of the layer in hertz; finite and not negative.</summary>
    public float Frequency { get; internal init; }

    /// <summary>How many keywords the metadata lists.</summary>
    public int KeywordCount { get; internal init; }

    /// <summary>The keywords the metadata lists, in file order and spelling. Decoded on first use.</summary>
    public IReadOnlyList<string> Keywords => throw new NotImplementedException();

    /// <summary>Where the stored bytes begin, from the start of the file.</summary>
    public long ContentOffset { get; internal init; }

    /// <summary>How many bytes are stored.</summary>
    public long ContentSize { get; internal init; }

    /// <summary>How they are stored.</summary>
    public LayerCodec Codec { get; internal init; }

    /// <summary>How many bytes the layer has once decompressed; equal to <see cref="ContentSize"/> without a codec.</summary>
    public long UncompressedSize { get; internal init; }
}

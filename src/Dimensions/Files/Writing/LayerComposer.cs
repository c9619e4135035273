namespace DimensionStore;

/// <summary>One layer while it is collected and once it is written.</summary>
internal sealed class LayerComposer : IDisposable
{
    public LayerComposer(int number, LayerSettings settings, SpillBuffer content, LayerKeywords keywords)
    {
        Number = number;
        Settings = settings;
        Content = content;
        Keywords = keywords;
    }

    /// <summary>Layer number, 0 to 3.</summary>
    public int Number { get; }

    /// <summary>What the options say about it.</summary>
    public LayerSettings Settings { get; }

    /// <summary>Its uncompressed content so far.</summary>
    public SpillBuffer Content { get; }

    /// <summary>The keywords of its metadata.</summary>
    public LayerKeywords Keywords { get; }

    /// <summary>Bytes of its metadata.</summary>
    public long MetadataBytes => DimensionFormat.LayerHeadBytes + Keywords.Bytes.Length + DimensionFormat.LayerTailBytes;

    /// <summary>Where the content was written.</summary>
    public long ContentOffset { get; private set; }

    /// <summary>How many bytes are stored.</summary>
    public uint ContentSize { get; private set; }

    /// <summary>How many bytes there were.</summary>
    public uint UncompressedSize { get; private set; }

    /// <summary>Checksum of the stored bytes.</summary>
    public uint Checksum { get; private set; }

    /// <summary>How they are stored. An empty layer is stored as it is: there is nothing to compress.</summary>
    public LayerCodec Codec { get; private set; }

    /// <summary>Writes the content at the sink's end and gives its memory back.</summary>
    public void WriteContent(ImageSink sink, CancellationToken cancellationToken)
    {
        ContentOffset = sink.Position;
        UncompressedSize = (uint)Content.Length;
        Codec = Content.Length == 0 ? LayerCodec.None : Settings.Codec;
        sink.BeginChecksum();
        if (Codec == LayerCodec.None)
        {
            sink.Write(Content, cancellationToken);
        }
        else
        {
            LayerCompressor.Compress(Codec, Number, Content, sink, cancellationToken);
        }

        Checksum = sink.Checksum;
        long stored = sink.Position - ContentOffset;
        if (stored > uint.MaxValue)
        {
            throw new InvalidEntryException($"Layer {Number} needs {stored:N0} bytes compressed with {Codec}, more than the {uint.MaxValue:N0} a layer can have; store it without a codec.");
        }

        ContentSize = (uint)stored;
        Content.Dispose();
    }

    /// <summary>Gives memory and scratch back.</summary>
    public void Dispose()
    {
        Content.Dispose();
        Keywords.Dispose();
    }
}

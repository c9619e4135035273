namespace DimensionStore.PowerShell;

/// <summary>A layer of a dimension in an open store.</summary>
public sealed class DimensionLayerInfo
{
    private readonly LayerDescriptor _layer;

    internal DimensionLayerInfo(DimensionStatus dimension, LayerDescriptor layer, DimensionStoreSession store)
    {
        _layer = layer;
        Id = dimension.Id;
        Name = dimension.Name;
        LayerId = new LayerId(dimension.Id, layer.Layer);
        IsSimulated = dimension.State == DimensionState.Simulated;
        Store = store;
    }

    /// <summary>The layer, written <c>D01:0</c>.</summary>
    public LayerId LayerId { get; }

    /// <summary>The dimension.</summary>
    public DimensionId Id { get; }

    /// <summary>Name of the dimension.</summary>
    public string? Name { get; }

    /// <summary>Layer number, 0 to 3.</summary>
    public int Layer => _layer.Layer;

    /// <summary>Its depth.</summary>
    public byte Depth => _layer.Depth;

    /// <summary>Its frequency in hertz.</summary>
    public float Frequency => _layer.Frequency;

    /// <summary>The keywords its metadata lists.</summary>
    public IReadOnlyList<string> Keywords => _layer.Keywords;

    /// <summary>Bytes of its content once decompressed.</summary>
    public long Length => _layer.UncompressedSize;

    /// <summary>Bytes of its content as stored.</summary>
    public long StoredLength => _layer.ContentSize;

    /// <summary>How the content is stored.</summary>
    public LayerCodec Codec => _layer.Codec;

    /// <summary>Whether it comes from the simulation.</summary>
    public bool IsSimulated { get; }

    /// <summary>The store it belongs to.</summary>
    public DimensionStoreSession Store { get; }

    /// <inheritdoc/>
    public override string ToString() => LayerId.ToString();
}

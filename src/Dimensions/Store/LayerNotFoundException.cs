namespace DimensionStore;

/// <summary>The dimension is loaded and has no such layer.</summary>
public sealed class LayerNotFoundException(LayerId layer)
    : DimensionStoreException($"{layer.Dimension} has no layer {layer.Layer}.")
{
    /// <summary>The layer asked for.</summary>
    public LayerId Layer { get; } = layer;
}

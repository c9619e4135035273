namespace DimensionStore;

/// <summary>How the bytes of a layer are stored.</summary>
public enum LayerCodec : byte
{
    /// <summary>As they are: the layer is read without a copy.</summary>
    None = 0,

    /// <summary>One Brotli stream (RFC 7932).</summary>
    Brotli = 1,

    /// <summary>One zlib stream (RFC 1950).</summary>
    ZLib = 2,
}

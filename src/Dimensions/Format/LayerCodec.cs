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

    /// <summary>One LZ4 frame (LZ4 frame format 1.6). Needs the system's liblz4: see <see cref="LayerCodecs.IsAvailable"/>.</summary>
    Lz4 = 3,

    /// <summary>One Zstandard frame (RFC 8878) with a window of at most 8 MiB. Needs the system's libzstd: see <see cref="LayerCodecs.IsAvailable"/>.</summary>
    Zstd = 4,
}

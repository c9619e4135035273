using DimensionStore.Memory.Native;

namespace DimensionStore;

/// <summary>Which codecs this process can use.</summary>
public static class LayerCodecs
{
    /// <summary>The codec with the highest number.</summary>
    internal const LayerCodec Last = LayerCodec.Zstd;

    /// <summary>Effort by which layers are written: slow enough to find what there is, since a file is written once and read often, and no slower than Brotli at its default.</summary>
    private const int Lz4Level = 9;
    private const int ZstdLevel = 9;

    /// <summary>Whether layers can be written and read with a codec in this process. None, Brotli and zlib always can; LZ4 and Zstandard where the system has liblz4 or libzstd.</summary>
    /// <param name="codec">The codec.</param>
    /// <returns>False for a number that is no codec.</returns>
    /// <remarks>The first question loads the library. Thread-safe.</remarks>
    public static bool IsAvailable(LayerCodec codec) => codec switch
    {
        LayerCodec.Lz4 => CompressionLibraries.Lz4 is not null,
        LayerCodec.Zstd => CompressionLibraries.Zstd is not null,
        _ => codec <= LayerCodec.ZLib,
    };

    /// <summary>A decoder for a frame of a layer.</summary>
    /// <exception cref="CodecUnavailableException">Its library is not installed.</exception>
    internal static NativeDecoder NewDecoder(LayerDescriptor layer, string? filePath)
        => (layer.Codec == LayerCodec.Lz4 ? CompressionLibraries.Lz4?.NewDecoder() : CompressionLibraries.Zstd?.NewDecoder(FrameHead.MaxWindowLog))
            ?? throw new CodecUnavailableException(layer.Codec, layer.Layer, filePath);

    /// <summary>An encoder for a layer of <paramref name="contentBytes"/>.</summary>
    /// <exception cref="CodecUnavailableException">Its library is not installed.</exception>
    internal static NativeEncoder NewEncoder(LayerCodec codec, int layer, long contentBytes)
        => (codec == LayerCodec.Lz4 ? CompressionLibraries.Lz4?.NewEncoder(contentBytes, Lz4Level) : CompressionLibraries.Zstd?.NewEncoder(contentBytes, ZstdLevel, FrameHead.MaxWindowLog))
            ?? throw new CodecUnavailableException(codec, layer, null);
}

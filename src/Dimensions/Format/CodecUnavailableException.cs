using DimensionStore.Memory.Native;

namespace DimensionStore;

/// <summary>A layer needs a compression library that the system does not have. The file may be sound; other layers and other dimensions can be read.</summary>
public sealed class CodecUnavailableException : DimensionStoreException
{
    /// <summary>Creates the error.</summary>
    /// <param name="codec">The codec, <see cref="LayerCodec.Lz4"/> or <see cref="LayerCodec.Zstd"/>.</param>
    /// <param name="layer">The layer's number.</param>
    /// <param name="filePath">The file to read, or null when a layer was to be written.</param>
    public CodecUnavailableException(LayerCodec codec, int layer, string? filePath = null)
        : base(Describe(codec, layer, filePath))
    {
        Codec = codec;
        Layer = layer;
        FilePath = filePath;
        LibraryName = NameOf(codec);
    }

    /// <summary>The codec.</summary>
    public LayerCodec Codec { get; }

    /// <summary>The layer's number.</summary>
    public int Layer { get; }

    /// <summary>The file, or null when a layer was to be written.</summary>
    public string? FilePath { get; }

    /// <summary>The library that is missing, such as libzstd.</summary>
    public string LibraryName { get; }

    private static string NameOf(LayerCodec codec) => codec == LayerCodec.Lz4 ? "liblz4" : "libzstd";

    private static string Describe(LayerCodec codec, int layer, string? filePath)
    {
        string name = NameOf(codec);
        string[] files = codec == LayerCodec.Lz4 ? Lz4Library.FileNames : ZstdLibrary.FileNames;
        string what = filePath is null
            ? $"Layer {layer} cannot be written with codec {codec}"
            : $"{filePath}: layer {layer} cannot be read, since its codec is {codec}";
        string instead = filePath is null ? "choose codec None, Brotli or ZLib" : "make the file anew with codec None, Brotli or ZLib where the library is";
        return $"{what}: that needs the system's {name}, looked for as {string.Join(" and ", files)} and not found, or too old. Install it (Debian and Ubuntu: apt install {(codec == LayerCodec.Lz4 ? "liblz4-1" : "libzstd1")}), or {instead}.";
    }
}

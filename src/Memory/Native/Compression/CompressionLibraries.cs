namespace DimensionStore.Memory.Native;

/// <summary>The system's compression libraries, each looked for once, when it is first asked for. None is required.</summary>
internal static class CompressionLibraries
{
    private static readonly Lazy<Lz4Library?> s_lz4 = new(static () => Lz4Library.TryLoad(NativeLibraryLoader.System));
    private static readonly Lazy<ZstdLibrary?> s_zstd = new(static () => ZstdLibrary.TryLoad(NativeLibraryLoader.System));

    /// <summary>liblz4, or null where the system has none.</summary>
    public static Lz4Library? Lz4 => NativeFaults.HideLibraries ? null : s_lz4.Value;

    /// <summary>libzstd, or null where the system has none.</summary>
    public static ZstdLibrary? Zstd => NativeFaults.HideLibraries ? null : s_zstd.Value;
}

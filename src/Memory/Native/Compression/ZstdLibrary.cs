namespace DimensionStore.Memory.Native;

/// <summary>libzstd (1.4.0 or later): the functions for Zstandard frames in pieces.</summary>
internal sealed unsafe class ZstdLibrary
{
    private const int CompressionLevel = 100; // ZSTD_c_compressionLevel
    private const int WindowLog = 101; // ZSTD_c_windowLog
    private const int WindowLogMax = 100; // ZSTD_d_windowLogMax
    private const int AllocationFailed = 64; // ZSTD_error_memory_allocation

    private readonly delegate* unmanaged<nuint, uint> _isError;
    private readonly delegate* unmanaged<nint, int, int, nuint> _setDecoder;
    private readonly delegate* unmanaged<nint, int, int, nuint> _setEncoder;
    private readonly delegate* unmanaged<nint, ulong, nuint> _setContentBytes;
    private readonly delegate* unmanaged<nint> _createDecoder;
    private readonly delegate* unmanaged<nint> _createEncoder;

    private ZstdLibrary(nint[] functions)
    {
        _isError = (delegate* unmanaged<nuint, uint>)functions[0];
        _createDecoder = (delegate* unmanaged<nint>)functions[1];
        FreeDecoder = (delegate* unmanaged<nint, nuint>)functions[2];
        _setDecoder = (delegate* unmanaged<nint, int, int, nuint>)functions[3];
        Decompress = (delegate* unmanaged<nint, Piece*, Piece*, nuint>)functions[4];
        _createEncoder = (delegate* unmanaged<nint>)functions[5];
        FreeEncoder = (delegate* unmanaged<nint, nuint>)functions[6];
        _setEncoder = (delegate* unmanaged<nint, int, int, nuint>)functions[7];
        _setContentBytes = (delegate* unmanaged<nint, ulong, nuint>)functions[8];
        Compress = (delegate* unmanaged<nint, Piece*, Piece*, int, nuint>)functions[9];
    }

    /// <summary>The file names it is looked for under on this system.</summary>
    public static string[] FileNames { get; } =
        OperatingSystem.IsWindows() ? ["libzstd.dll", "zstd.dll"] : OperatingSystem.IsMacOS() ? ["libzstd.1.dylib", "/opt/homebrew/lib/libzstd.1.dylib"] : ["libzstd.so.1"];

    internal delegate* unmanaged<nint, nuint> FreeDecoder { get; }

    internal delegate* unmanaged<nint, Piece*, Piece*, nuint> Decompress { get; }

    internal delegate* unmanaged<nint, nuint> FreeEncoder { get; }

    internal delegate* unmanaged<nint, Piece*, Piece*, int, nuint> Compress { get; }

    /// <summary>Looks for the library.</summary>
    /// <returns>Null where the system has none that is new enough.</returns>
    public static ZstdLibrary? TryLoad(NativeLibraryLoader loader)
        => loader.FindFunctions(
            FileNames,
            [
                "ZSTD_isError", "ZSTD_createDCtx", "ZSTD_freeDCtx", "ZSTD_DCtx_setParameter", "ZSTD_decompressStream",
                "ZSTD_createCCtx", "ZSTD_freeCCtx", "ZSTD_CCtx_setParameter", "ZSTD_CCtx_setPledgedSrcSize", "ZSTD_compressStream2",
            ]) is { } functions ? new ZstdLibrary(functions) : null;

    /// <summary>A decoder for one frame.</summary>
    /// <param name="maxWindowLog">Base-2 logarithm of the largest window it makes room for.</param>
    public NativeDecoder NewDecoder(int maxWindowLog)
    {
        nint context = Allocated(_createDecoder());
        Check(_setDecoder(context, WindowLogMax, maxWindowLog));
        return new ZstdDecoder(this, context);
    }

    /// <summary>An encoder for one frame.</summary>
    /// <param name="contentBytes">How many bytes will be compressed; the frame says so.</param>
    /// <param name="level">1 to 22: effort.</param>
    /// <param name="windowLog">Base-2 logarithm of the window that a reader needs.</param>
    public NativeEncoder NewEncoder(long contentBytes, int level, int windowLog)
    {
        nint context = Allocated(_createEncoder());
        Check(_setEncoder(context, CompressionLevel, level));
        Check(_setEncoder(context, WindowLog, windowLog));
        Check(_setContentBytes(context, (ulong)contentBytes));
        return new ZstdEncoder(this, context);
    }

    /// <summary>Whether a result is an error of the bytes given.</summary>
    /// <exception cref="InsufficientMemoryException">It is an error of memory instead.</exception>
    internal bool IsError(nuint result)
    {
        if (_isError(result) == 0)
        {
            return false;
        }

        return -(nint)result == AllocationFailed ? throw new InsufficientMemoryException("libzstd got no memory for a frame.") : true;
    }

    /// <summary>Throws for an error that no bytes can cause.</summary>
    internal nuint Check(nuint result) => IsError(result) ? throw new InvalidOperationException($"libzstd refused a call with error {-(nint)result}.") : result;

    private static nint Allocated(nint context) => context != 0 ? context : throw new InsufficientMemoryException("libzstd got no memory for a context.");

    /// <summary><c>ZSTD_inBuffer</c> and <c>ZSTD_outBuffer</c>, which have the same form.</summary>
    internal struct Piece
    {
        /// <summary>First byte.</summary>
        public byte* First;

        /// <summary>Bytes there are.</summary>
        public nuint Length;

        /// <summary>How many are used.</summary>
        public nuint Position;
    }
}

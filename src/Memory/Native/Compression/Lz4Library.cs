using System.Runtime.InteropServices;

namespace DimensionStore.Memory.Native;

/// <summary>liblz4 (1.7.4 or later): the functions for LZ4 frames. Frames rather than bare blocks, because a frame says where it ends and can be read and written in pieces, so that memory does not grow with the content.</summary>
internal sealed unsafe class Lz4Library
{
    private const uint ApiVersion = 100;
    private const int AllocationFailed = 9;

    private readonly delegate* unmanaged<nuint, uint> _isError;

    private Lz4Library(nint[] functions)
    {
        _isError = (delegate* unmanaged<nuint, uint>)functions[0];
        CreateDecoder = (delegate* unmanaged<nint*, uint, nuint>)functions[1];
        FreeDecoder = (delegate* unmanaged<nint, nuint>)functions[2];
        Decompress = (delegate* unmanaged<nint, byte*, nuint*, byte*, nuint*, void*, nuint>)functions[3];
        CreateEncoder = (delegate* unmanaged<nint*, uint, nuint>)functions[4];
        FreeEncoder = (delegate* unmanaged<nint, nuint>)functions[5];
        CompressBegin = (delegate* unmanaged<nint, byte*, nuint, Preferences*, nuint>)functions[6];
        CompressBound = (delegate* unmanaged<nuint, Preferences*, nuint>)functions[7];
        CompressUpdate = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, void*, nuint>)functions[8];
        CompressEnd = (delegate* unmanaged<nint, byte*, nuint, void*, nuint>)functions[9];
    }

    /// <summary>The file names it is looked for under on this system.</summary>
    public static string[] FileNames { get; } =
        OperatingSystem.IsWindows() ? ["liblz4.dll", "lz4.dll"] : OperatingSystem.IsMacOS() ? ["liblz4.1.dylib", "/opt/homebrew/lib/liblz4.1.dylib"] : ["liblz4.so.1"];

    internal delegate* unmanaged<nint*, uint, nuint> CreateDecoder { get; }

    internal delegate* unmanaged<nint, nuint> FreeDecoder { get; }

    internal delegate* unmanaged<nint, byte*, nuint*, byte*, nuint*, void*, nuint> Decompress { get; }

    internal delegate* unmanaged<nint*, uint, nuint> CreateEncoder { get; }

    internal delegate* unmanaged<nint, nuint> FreeEncoder { get; }

    internal delegate* unmanaged<nint, byte*, nuint, Preferences*, nuint> CompressBegin { get; }

    internal delegate* unmanaged<nuint, Preferences*, nuint> CompressBound { get; }

    internal delegate* unmanaged<nint, byte*, nuint, byte*, nuint, void*, nuint> CompressUpdate { get; }

    internal delegate* unmanaged<nint, byte*, nuint, void*, nuint> CompressEnd { get; }

    /// <summary>Looks for the library.</summary>
    /// <returns>Null where the system has none that is new enough.</returns>
    public static Lz4Library? TryLoad(NativeLibraryLoader loader)
        => loader.FindFunctions(
            FileNames,
            [
                "LZ4F_isError", "LZ4F_createDecompressionContext", "LZ4F_freeDecompressionContext", "LZ4F_decompress", "LZ4F_createCompressionContext",
                "LZ4F_freeCompressionContext", "LZ4F_compressBegin", "LZ4F_compressBound", "LZ4F_compressUpdate", "LZ4F_compressEnd",
            ]) is { } functions ? new Lz4Library(functions) : null;

    /// <summary>A decoder for one frame.</summary>
    public NativeDecoder NewDecoder()
    {
        nint context;
        Check(CreateDecoder(&context, ApiVersion));
        return new Lz4Decoder(this, context);
    }

    /// <summary>An encoder for one frame.</summary>
    /// <param name="contentBytes">How many bytes will be compressed; the frame says so.</param>
    /// <param name="level">3 to 12: effort of the search for matches, which reading does not feel.</param>
    public NativeEncoder NewEncoder(long contentBytes, int level)
    {
        nint context;
        Check(CreateEncoder(&context, ApiVersion));
        return new Lz4Encoder(this, context, new Preferences { ContentSize = (ulong)contentBytes, CompressionLevel = level });
    }

    /// <summary>Whether a result is an error of the bytes given.</summary>
    /// <exception cref="InsufficientMemoryException">It is an error of memory instead.</exception>
    internal bool IsError(nuint result)
    {
        if (_isError(result) == 0)
        {
            return false;
        }

        return -(nint)result == AllocationFailed ? throw new InsufficientMemoryException("liblz4 got no memory for a frame.") : true;
    }

    /// <summary>Throws for an error that no bytes can cause.</summary>
    internal nuint Check(nuint result) => IsError(result) ? throw new InvalidOperationException($"liblz4 refused a call with error {-(nint)result}.") : result;

    /// <summary><c>LZ4F_preferences_t</c>. Zeros stand for linked blocks of 64 KB without checksums: the file has its own over the stored bytes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 56)]
    internal struct Preferences
    {
        /// <summary>Bytes of the content, which the frame's head then says.</summary>
        [FieldOffset(16)]
        public ulong ContentSize;

        /// <summary>Effort.</summary>
        [FieldOffset(32)]
        public int CompressionLevel;
    }
}

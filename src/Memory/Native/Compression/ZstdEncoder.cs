using System.Buffers;

namespace DimensionStore.Memory.Native;

/// <summary>One Zstandard frame by <c>ZSTD_compressStream2</c>.</summary>
internal sealed unsafe class ZstdEncoder(ZstdLibrary library, nint context) : NativeEncoder
{
    private const int Continue = 0; // ZSTD_e_continue
    private const int End = 2; // ZSTD_e_end

    private nint _context = context;

    /// <inheritdoc/>
    public override int OutputBytes => 64 * 1024; // Any size serves; this one makes calls few.

    /// <inheritdoc/>
    public override OperationStatus Encode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written, bool isFinal)
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, OutputBytes);
        nuint left;
        fixed (byte* from = source, to = destination)
        {
            ZstdLibrary.Piece input = new() { First = from, Length = (nuint)source.Length };
            ZstdLibrary.Piece output = new() { First = to, Length = (nuint)destination.Length };
            left = library.Check(library.Compress(_context, &output, &input, isFinal ? End : Continue));
            (consumed, written) = ((int)input.Position, (int)output.Position);
        }

        return consumed == source.Length && (!isFinal || left == 0) ? OperationStatus.Done : OperationStatus.DestinationTooSmall;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_context != 0)
        {
            library.FreeEncoder(_context);
            _context = 0;
        }
    }
}

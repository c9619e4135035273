using System.Buffers;

namespace DimensionStore.Memory.Native;

/// <summary>One Zstandard frame by <c>ZSTD_decompressStream</c>.</summary>
internal sealed unsafe class ZstdDecoder(ZstdLibrary library, nint context) : NativeDecoder
{
    private nint _context = context;

    /// <inheritdoc/>
    public override OperationStatus Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        nuint result;
        fixed (byte* from = source, to = destination)
        {
            ZstdLibrary.Piece input = new() { First = from, Length = (nuint)source.Length };
            ZstdLibrary.Piece output = new() { First = to, Length = (nuint)destination.Length };
            result = library.Decompress(_context, &output, &input);
            (consumed, written) = ((int)input.Position, (int)output.Position);
        }

        return library.IsError(result) ? OperationStatus.InvalidData
            : result == 0 ? OperationStatus.Done
            : written == destination.Length ? OperationStatus.DestinationTooSmall
            : OperationStatus.NeedMoreData;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_context != 0)
        {
            library.FreeDecoder(_context);
            _context = 0;
        }
    }
}

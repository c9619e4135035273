using System.Buffers;

namespace DimensionStore.Memory.Native;

/// <summary>One LZ4 frame by <c>LZ4F_decompress</c>. Its own memory is at most some 8 MB, by the largest block the frame format has.</summary>
internal sealed unsafe class Lz4Decoder(Lz4Library library, nint context) : NativeDecoder
{
    private nint _context = context;

    /// <inheritdoc/>
    public override OperationStatus Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        nuint taken = (nuint)source.Length;
        nuint given = (nuint)destination.Length;
        nuint result;
        fixed (byte* from = source, to = destination)
        {
            result = library.Decompress(_context, to, &given, from, &taken, null);
        }

        if (library.IsError(result))
        {
            (consumed, written) = (0, 0);
            return OperationStatus.InvalidData;
        }

        (consumed, written) = ((int)taken, (int)given);
        return result == 0 ? OperationStatus.Done : written == destination.Length ? OperationStatus.DestinationTooSmall : OperationStatus.NeedMoreData;
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

using System.Buffers;

namespace DimensionStore;

/// <summary>A decoder that takes its stream in pieces: the whole at once where it lies in memory, else buffer by buffer.</summary>
internal abstract class PiecewiseLayerDecoder(ImageSource source, long start, long length) : LayerDecoder
{
    private const int MaxPieceBytes = 1 << 30;
    private const int BufferBytes = 64 * 1024;

    private readonly long _end = start + length;
    private long _position = start;
    private byte[]? _buffer;
    private int _buffered;
    private int _bufferUsed;
    private bool _hasEnded;

    /// <inheritdoc/>
    public sealed override int Read(Span<byte> destination)
    {
        while (!_hasEnded)
        {
            ReadOnlySpan<byte> piece = NextPiece();
            OperationStatus status = Decode(piece, destination, out int consumed, out int written);
            _position += consumed;
            _bufferUsed += consumed;

            // What follows the stream's end is ignored, as the format says: a zlib stream's reader cannot tell, and one rule holds for every codec.
            _hasEnded = status == OperationStatus.Done;
            if (status == OperationStatus.InvalidData)
            {
                throw new InvalidDataException(NoSuchStream);
            }

            if (written > 0)
            {
                return written;
            }

            // A decoder that neither takes nor gives would be asked for ever.
            if (!_hasEnded && consumed == 0)
            {
                throw new InvalidDataException(piece.IsEmpty ? "a stream that ends early" : NoSuchStream);
            }
        }

        return 0;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_buffer is { } buffer)
        {
            _buffer = null;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Decompresses a piece. The results mean what they mean for <see cref="Memory.Native.NativeDecoder.Decode"/>.</summary>
    protected abstract OperationStatus Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written);

    private ReadOnlySpan<byte> NextPiece()
    {
        if (_bufferUsed < _buffered)
        {
            return _buffer.AsSpan(_bufferUsed, _buffered - _bufferUsed);
        }

        int count = (int)Math.Min(_end - _position, MaxPieceBytes);
        if (source.TryGetSpan(_position, count, out ReadOnlySpan<byte> bytes))
        {
            return bytes;
        }

        _buffer ??= ArrayPool<byte>.Shared.Rent(BufferBytes);
        _buffered = Math.Min(count, BufferBytes);
        _bufferUsed = 0;
        source.Read(_position, _buffer.AsSpan(0, _buffered));
        return _buffer.AsSpan(0, _buffered);
    }
}

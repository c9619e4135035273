using System.Buffers;

namespace DimensionStore.Memory.Native;

/// <summary>Decompresses one stream piece by piece with a library of the system. Not thread-safe; owns native memory until it is disposed.</summary>
internal abstract class NativeDecoder : IDisposable
{
    /// <summary>
    /// Decompresses from <paramref name="source"/> to <paramref name="destination"/>, and writes nowhere else whatever the bytes are.
    /// </summary>
    /// <returns>
    /// <see cref="OperationStatus.Done"/>: the stream has ended; what follows in the source was not looked at. <see cref="OperationStatus.DestinationTooSmall"/>: the destination
    /// is full, and there may be more. <see cref="OperationStatus.NeedMoreData"/>: the source is used up. <see cref="OperationStatus.InvalidData"/>: no such stream; the decoder is of no further use.
    /// </returns>
    /// <exception cref="InsufficientMemoryException">The library got no memory for its window.</exception>
    public abstract OperationStatus Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written);

    /// <inheritdoc/>
    public abstract void Dispose();
}

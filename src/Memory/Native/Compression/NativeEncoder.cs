using System.Buffers;

namespace DimensionStore.Memory.Native;

/// <summary>Compresses one stream piece by piece with a library of the system. Not thread-safe; owns native memory until it is disposed.</summary>
internal abstract class NativeEncoder : IDisposable
{
    /// <summary>Least bytes that a destination must have.</summary>
    public abstract int OutputBytes { get; }

    /// <summary>Compresses from <paramref name="source"/> to <paramref name="destination"/>.</summary>
    /// <param name="source">What comes next; may be empty.</param>
    /// <param name="destination">At least <see cref="OutputBytes"/>.</param>
    /// <param name="consumed">How much was taken.</param>
    /// <param name="written">How much was given.</param>
    /// <param name="isFinal">Whether the content ends with this source.</param>
    /// <returns>
    /// <see cref="OperationStatus.Done"/>: all was taken and, if it was final, the stream is whole. <see cref="OperationStatus.DestinationTooSmall"/>: call again with what was not taken.
    /// </returns>
    /// <exception cref="InsufficientMemoryException">The library got no memory.</exception>
    /// <exception cref="InvalidOperationException">The library refused, which no content makes it do.</exception>
    public abstract OperationStatus Encode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written, bool isFinal);

    /// <inheritdoc/>
    public abstract void Dispose();
}

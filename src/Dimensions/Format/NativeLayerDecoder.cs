using System.Buffers;
using DimensionStore.Memory.Native;

namespace DimensionStore;

/// <summary>A frame that a library of the system decompresses.</summary>
internal sealed class NativeLayerDecoder(NativeDecoder decoder, ImageSource source, long start, long length) : PiecewiseLayerDecoder(source, start, length)
{
    /// <inheritdoc/>
    public override void Dispose()
    {
        decoder.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override OperationStatus Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
        => decoder.Decode(source, destination, out consumed, out written);
}

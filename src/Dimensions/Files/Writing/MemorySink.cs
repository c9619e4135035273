using System.Buffers;
using System.Runtime.InteropServices;

namespace DimensionStore;

/// <summary>Writes an image to memory; for images that are made up, not read from a file.</summary>
internal sealed class MemorySink : ImageSink
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>A copy of the image.</summary>
    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    /// <inheritdoc/>
    public override void WriteAt(long offset, ReadOnlySpan<byte> bytes)
        => bytes.CopyTo(MemoryMarshal.AsMemory(_bytes.WrittenMemory).Span[checked((int)offset)..]);

    /// <inheritdoc/>
    public override void ReadAt(long offset, Span<byte> destination)
        => _bytes.WrittenSpan.Slice(checked((int)offset), destination.Length).CopyTo(destination);

    /// <inheritdoc/>
    public override void Dispose()
    {
    }

    /// <inheritdoc/>
    protected override void Append(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);
}

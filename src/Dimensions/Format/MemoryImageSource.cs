namespace DimensionStore;

/// <summary>An image in unmanaged or pinned memory that stays in place while it is verified.</summary>
internal sealed unsafe class MemoryImageSource(byte* start, long length) : ImageSource
{
    /// <inheritdoc/>
    public override long Length => length;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> destination)
    {
        CheckRange(offset, destination.Length);
        new ReadOnlySpan<byte>(start + offset, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public override bool TryGetSpan(long offset, int length, out ReadOnlySpan<byte> bytes)
    {
        CheckRange(offset, length);
        bytes = new ReadOnlySpan<byte>(start + offset, length);
        return true;
    }

    private void CheckRange(long offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, length - count);
    }
}

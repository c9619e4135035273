namespace DimensionStore;

/// <summary>
/// Where a composed image goes: a file or memory. Its body is appended front to back, its head is put in front at the end,
/// when sizes and checksums are known.
/// </summary>
internal abstract class ImageSink : IDisposable
{
    private uint _checksum;

    /// <summary>Where the next byte is appended: the length of the image so far.</summary>
    public long Position { get; private set; }

    /// <summary>Appends bytes.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        _checksum = Crc32C.Append(_checksum, bytes);
        Append(bytes);
        Position += bytes.Length;
    }

    /// <summary>Appends a buffer's bytes.</summary>
    public void Write(SpillBuffer buffer, CancellationToken cancellationToken)
    {
        SpillBufferReader reader = new(buffer);
        try
        {
            while (reader.Next() is { IsEmpty: false } bytes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Write(bytes);
            }
        }
        finally
        {
            reader.Dispose();
        }
    }

    /// <summary>Appends zeros up to an offset.</summary>
    public void PadTo(long offset)
    {
        ReadOnlySpan<byte> zeros = stackalloc byte[256];
        while (Position < offset)
        {
            Write(zeros[..(int)Math.Min(zeros.Length, offset - Position)]);
        }
    }

    /// <summary>Begins a checksum over what is appended from here on.</summary>
    public void BeginChecksum() => _checksum = Crc32C.Empty;

    /// <summary>The checksum over what was appended since <see cref="BeginChecksum"/>.</summary>
    public uint Checksum => _checksum;

    /// <summary>Replaces bytes that were appended before.</summary>
    public abstract void WriteAt(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Reads bytes that were appended before.</summary>
    public abstract void ReadAt(long offset, Span<byte> destination);

    /// <summary>Gives buffers back.</summary>
    public abstract void Dispose();

    /// <summary>Appends bytes behind all others.</summary>
    protected abstract void Append(ReadOnlySpan<byte> bytes);
}

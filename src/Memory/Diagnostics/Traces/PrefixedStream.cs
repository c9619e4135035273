using System.Buffers.Binary;

namespace DimensionStore.Memory;

/// <summary>A stream with the bytes that were read from it to see what it is put back in front. Reading only; the stream behind stays open.</summary>
internal sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : Stream
{
    private ReadOnlyMemory<byte> _prefix = prefix;

    private uint _last;
    private int _gzipStarts;

    /// <summary>The last four bytes that were read, little-endian.</summary>
    internal uint LastWord => BinaryPrimitives.ReverseEndianness(_last);

    /// <summary>Whether more than once the three bytes were read that a member of a gzip stream begins with.</summary>
    internal bool MayHaveMembers => _gzipStarts > 1;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        int length = _prefix.IsEmpty ? rest.Read(buffer) : Math.Min(buffer.Length, _prefix.Length);
        if (!_prefix.IsEmpty)
        {
            _prefix.Span[..length].CopyTo(buffer);
            _prefix = _prefix[length..];
        }

        foreach (byte read in buffer[..length])
        {
            _last = (_last << 8) | read;
            _gzipStarts += (_last & 0xFF_FFFF) == 0x1F_8B08 ? 1 : 0;
        }

        return length;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        // Nothing is written.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

namespace DimensionStore.Memory;

/// <summary>A stream with the bytes that were read from it to see what it is put back in front. Reading only; the stream behind stays open.</summary>
/// <remarks>
/// The unpacker of gzip takes the end of the file for the end of the stream, and passes over what follows the last member: neither a cut nor what was appended would be noticed. So at the end it is given a zero byte more.
/// Who has had the last member whole asks for what follows, to see whether that is another one, and asks no more when it sees that it is none. Who misses something takes the zero for that and asks
/// again; who has passed over something does not come to it. Rejected: the length in the last four bytes, which does not tell where a member of several begins.
/// </remarks>
internal sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest, bool marksEnd) : Stream
{
    private ReadOnlyMemory<byte> _prefix = prefix;
    private int _readsAtEnd;

    /// <summary>Whether all was read, and of what marks the end only that.</summary>
    internal bool WasReadToMark => _readsAtEnd == 1;

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

        if (length == 0 && marksEnd && !buffer.IsEmpty && ++_readsAtEnd == 1)
        {
            buffer[0] = 0;
            length = 1;
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

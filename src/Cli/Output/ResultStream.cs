namespace DimensionStore.Cli.Output;

/// <summary>Standard output whose refusals name it: where it was closed by whoever started the tool, the system says only that access is denied. Leaves the stream below open.</summary>
internal sealed class ResultStream(Stream inner) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            inner.Write(buffer);
        }
        catch (UnauthorizedAccessException refusal)
        {
            throw Closed(refusal);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        try
        {
            inner.Flush();
        }
        catch (UnauthorizedAccessException refusal)
        {
            throw Closed(refusal);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private static IOException Closed(UnauthorizedAccessException refusal) => new("standard output cannot be written to: it is closed, or open for reading only.", refusal);
}

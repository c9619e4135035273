namespace DimensionStore.Cli.Sources;

/// <summary>
/// Standard input that a cancelled reader can leave. A read from a terminal or pipe blocks in the system and knows no cancellation, so it is
/// waited for and, when the command is stopped, abandoned: the process ends and takes it along. Leaves the stream below open.
/// </summary>
internal sealed class InterruptibleStream(Stream inner) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

    public override int Read(Span<byte> buffer) => inner.Read(buffer);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // An abandoned read may still store into its buffer, so it gets one of its own instead of the caller's, which may be pooled.
        byte[] own = new byte[buffer.Length];
        int count;
        try
        {
            count = await Task.Run(() => inner.Read(own, 0, own.Length), CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The system's words do not say what it is that cannot be read.
            throw new IOException($"standard input cannot be read: {e.Message}", e);
        }

        own.AsMemory(0, count).CopyTo(buffer);
        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

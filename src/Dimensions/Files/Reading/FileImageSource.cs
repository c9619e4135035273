using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>A file's bytes for verification, by reading and never by mapping: a file that shrinks meanwhile is an error, not a fault.</summary>
internal sealed class FileImageSource(SafeFileHandle file, string path, long length) : ImageSource
{
    /// <inheritdoc/>
    public override long Length => length;

    /// <summary>Bytes read so far.</summary>
    public long BytesRead { get; private set; }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> destination)
    {
        FileHead.ReadExactly(file, destination, offset, length, path);
        BytesRead += destination.Length;
    }
}

using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>Writes an image to a file through one buffer.</summary>
internal sealed class FileSink : ImageSink
{
    private readonly FileOperations _files;
    private readonly SafeFileHandle _file;
    private readonly MemoryAccount _account;
    private byte[] _buffer;
    private long _written;
    private int _used;

    public FileSink(FileOperations files, SafeFileHandle file, MemoryAccount account)
    {
        _files = files;
        _file = file;
        _account = account;
        _buffer = ArrayPool<byte>.Shared.Rent(account.ChunkBytes);
        account.Take(_buffer.Length);
    }

    /// <inheritdoc/>
    public override void WriteAt(long offset, ReadOnlySpan<byte> bytes)
    {
        FlushBuffer();
        _files.Write(_file, bytes, offset);
    }

    /// <inheritdoc/>
    public override void ReadAt(long offset, Span<byte> destination)
    {
        FlushBuffer();
        _files.ReadExactly(_file, destination, offset);
    }

    /// <summary>Hands everything to the operating system.</summary>
    public void FlushBuffer()
    {
        if (_used > 0)
        {
            _files.Write(_file, _buffer.AsSpan(0, _used), _written);
            _written += _used;
            _used = 0;
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _account.Return(_buffer.Length);
            _buffer = [];
        }
    }

    /// <inheritdoc/>
    protected override void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _buffer.Length - _used)
        {
            FlushBuffer();
            if (bytes.Length >= _buffer.Length)
            {
                _files.Write(_file, bytes, _written);
                _written += bytes.Length;
                return;
            }
        }

        bytes.CopyTo(_buffer.AsSpan(_used));
        _used += bytes.Length;
    }
}

using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>Writes records behind one another into a scratch file through a buffer.</summary>
internal struct RunWriter : IDisposable
{
    private readonly FileOperations _files;
    private readonly SafeFileHandle _file;
    private readonly MemoryAccount _account;
    private readonly byte[] _buffer;
    private long _position;
    private int _used;

    public RunWriter(FileOperations files, SafeFileHandle file, long start, int bufferBytes, MemoryAccount account)
    {
        _files = files;
        _file = file;
        _position = start;
        _account = account;
        _buffer = ArrayPool<byte>.Shared.Rent(bufferBytes);
        _account.Take(_buffer.Length);
    }

    /// <summary>Appends a record.</summary>
    public void Write(ReadOnlySpan<byte> record)
    {
        if (record.Length > _buffer.Length - _used)
        {
            Finish();
        }

        record.CopyTo(_buffer.AsSpan(_used));
        _used += record.Length;
    }

    /// <summary>Writes what is buffered.</summary>
    /// <returns>Where the file ends now.</returns>
    public long Finish()
    {
        _files.Write(_file, _buffer.AsSpan(0, _used), _position);
        _position += _used;
        _used = 0;
        return _position;
    }

    /// <summary>Gives the buffer back.</summary>
    public readonly void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _account.Return(_buffer.Length);
    }
}

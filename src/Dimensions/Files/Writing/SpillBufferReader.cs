using System.Buffers;

namespace DimensionStore;

/// <summary>Reads a <see cref="SpillBuffer"/> from start to end in the largest pieces at hand. The buffer must not change meanwhile.</summary>
internal ref struct SpillBufferReader
{
    private readonly SpillBuffer _buffer;
    private byte[]? _copy;
    private long _offset;

    /// <summary>Begins at the start.</summary>
    public SpillBufferReader(SpillBuffer buffer) => _buffer = buffer;

    /// <summary>The next piece, empty at the end; valid until the next call.</summary>
    public ReadOnlySpan<byte> Next()
    {
        ReadOnlySpan<byte> piece;
        if (_offset >= _buffer.SpilledBytes)
        {
            piece = _buffer.Resident(_offset);
        }
        else
        {
            if (_copy is null)
            {
                _copy = ArrayPool<byte>.Shared.Rent(_buffer.ChunkBytes);
                _buffer.Account.Take(_buffer.ChunkBytes);
            }

            int n = (int)Math.Min(_buffer.ChunkBytes, _buffer.SpilledBytes - _offset);
            _buffer.Read(_offset, _copy.AsSpan(0, n));
            piece = _copy.AsSpan(0, n);
        }

        _offset += piece.Length;
        return piece;
    }

    /// <summary>Gives the reader's own buffer back.</summary>
    public void Dispose()
    {
        if (_copy is not null)
        {
            ArrayPool<byte>.Shared.Return(_copy);
            _buffer.Account.Return(_buffer.ChunkBytes);
            _copy = null;
        }
    }
}

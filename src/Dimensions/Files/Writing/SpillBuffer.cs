using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>
/// A sequence of bytes that only grows at its end: in pooled chunks while the account has room, then in a scratch file with one chunk before it.
/// Anything after a failed append is as before it. Not thread-safe.
/// </summary>
internal sealed class SpillBuffer : IDisposable
{
    private readonly MemoryAccount _account;
    private readonly ScratchSpace? _scratch;
    private readonly long _share;
    private readonly int _chunkBytes;
    private readonly List<byte[]> _chunks = [];
    private SafeFileHandle? _file;
    private long _spilled;

    /// <param name="account">Pays for the chunks.</param>
    /// <param name="scratch">Where bytes go that find no room; null: everything stays in memory.</param>
    /// <param name="share">How much of the account's limit may be in use when this buffer grows.</param>
    public SpillBuffer(MemoryAccount account, ScratchSpace? scratch, long share)
    {
        _account = account;
        _scratch = scratch;
        _share = share;
        _chunkBytes = account.ChunkBytes;
    }

    /// <summary>Bytes in all.</summary>
    public long Length { get; private set; }

    /// <summary>Bytes that are in the scratch file.</summary>
    public long SpilledBytes => _spilled;

    /// <summary>Appends bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        long before = Length;
        try
        {
            while (!bytes.IsEmpty)
            {
                Span<byte> free = GetFree();
                int n = Math.Min(free.Length, bytes.Length);
                bytes[..n].CopyTo(free);
                Length += n;
                bytes = bytes[n..];
            }
        }
        catch
        {
            Truncate(before);
            throw;
        }
    }

    /// <summary>Appends another buffer's bytes.</summary>
    public void Append(SpillBuffer other)
    {
        SpillBufferReader reader = new(other);
        try
        {
            while (reader.Next() is { IsEmpty: false } bytes)
            {
                Append(bytes);
            }
        }
        finally
        {
            reader.Dispose();
        }
    }

    /// <summary>Drops what lies behind a length.</summary>
    public void Truncate(long length)
    {
        Length = length;
        _spilled = Math.Min(_spilled, length);
        int needed = (int)Math.Max(1, (length - _spilled + _chunkBytes - 1) / _chunkBytes);
        ReleaseChunks(needed);
    }

    /// <summary>Copies bytes out.</summary>
    /// <returns>How many: fewer than asked for only at the end.</returns>
    public int Read(long offset, Span<byte> destination)
    {
        int total = 0;
        while (!destination.IsEmpty && offset < Length)
        {
            int n;
            if (offset < _spilled)
            {
                n = (int)Math.Min(destination.Length, _spilled - offset);
                _scratch!.Files.ReadExactly(_file!, destination[..n], offset);
            }
            else
            {
                ReadOnlySpan<byte> bytes = Resident(offset);
                n = Math.Min(bytes.Length, destination.Length);
                bytes[..n].CopyTo(destination);
            }

            offset += n;
            total += n;
            destination = destination[n..];
        }

        return total;
    }

    /// <summary>The bytes from an offset on that lie in memory and together; empty at the end.</summary>
    internal ReadOnlySpan<byte> Resident(long offset)
    {
        if (offset >= Length)
        {
            return default;
        }

        long inMemory = offset - _spilled;
        int start = (int)(inMemory & (_chunkBytes - 1));
        int n = (int)Math.Min(_chunkBytes - start, Length - offset);
        return _chunks[(int)(inMemory / _chunkBytes)].AsSpan(start, n);
    }

    /// <summary>Bytes in a chunk, for a reader's own buffer.</summary>
    internal int ChunkBytes => _chunkBytes;

    /// <summary>Who pays for a reader's own buffer.</summary>
    internal MemoryAccount Account => _account;

    /// <summary>Gives memory and scratch file back.</summary>
    public void Dispose()
    {
        Length = 0;
        _spilled = 0;
        ReleaseChunks(0);
        _file?.Dispose();
        _file = null;
    }

    private Span<byte> GetFree()
    {
        long inMemory = Length - _spilled;
        if (inMemory == (long)_chunks.Count * _chunkBytes)
        {
            if (_chunks.Count == 0)
            {
                _account.Take(_chunkBytes);
            }
            else if (_scratch is not null && !_account.TryTake(_chunkBytes, _share))
            {
                Spill();
                return _chunks[0].AsSpan(0, _chunkBytes);
            }
            else if (_scratch is null)
            {
                _account.Take(_chunkBytes);
            }

            _chunks.Add(ArrayPool<byte>.Shared.Rent(_chunkBytes));
        }

        int start = (int)(inMemory & (_chunkBytes - 1));
        return _chunks[(int)(inMemory / _chunkBytes)].AsSpan(start, _chunkBytes - start);
    }

    private void Spill()
    {
        _file ??= _scratch!.Create();
        long at = _spilled;
        foreach (byte[] chunk in _chunks)
        {
            _scratch!.Files.Write(_file, chunk.AsSpan(0, _chunkBytes), at);
            at += _chunkBytes;
        }

        _spilled = at;
        ReleaseChunks(1);
    }

    private void ReleaseChunks(int keep)
    {
        for (int i = _chunks.Count - 1; i >= keep; i--)
        {
            ArrayPool<byte>.Shared.Return(_chunks[i]);
            _chunks.RemoveAt(i);
            _account.Return(_chunkBytes);
        }
    }
}

using System.Buffers.Binary;
using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>
/// The bytes of a proto-dimension: one stream that only grows, over a chain of pool blocks. A value may begin in one block and end in another, so that a block size
/// never limits an entry. Blocks grow with the stream: little protos stay in the smallest pool, large ones do not need thousands of blocks. Not thread-safe.
/// </summary>
internal sealed unsafe class ProtoBlocks(MemoryAllocator pool, IReadOnlyList<PoolConfig> pools)
{
    private readonly List<(nint Address, int Size)> _blocks = [];
    private readonly int[] _sizes = [.. pools.Select(static p => (int)Math.Min(p.BlockBytes, 1 << 30)).Order()];

    /// <summary>Bytes in all blocks.</summary>
    public long Capacity { get; private set; }

    /// <summary>Bytes written.</summary>
    public long Length { get; private set; }

    /// <summary>Size of the next block to add.</summary>
    public int NextBlockSize
    {
        get
        {
            int size = _sizes[0];
            foreach (int candidate in _sizes)
            {
                // A block of at most half of what there is wastes little; one much smaller makes long chains.
                size = candidate <= Capacity / 2 ? candidate : size;
            }

            return size;
        }
    }

    /// <summary>Adds an allocated block, which is this object's from now on.</summary>
    public void Add(nint address, int size)
    {
        _blocks.Add((address, size));
        Capacity += size;
    }

    /// <summary>Writes bytes. The capacity must be there.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > Capacity - Length)
        {
            throw new InvalidOperationException("The blocks have no room for this; capacity is made before writing.");
        }

        (int block, int offset) = Locate(Length);
        Length += bytes.Length;
        while (!bytes.IsEmpty)
        {
            Span<byte> room = new Span<byte>((void*)_blocks[block].Address, _blocks[block].Size)[offset..];
            int n = Math.Min(room.Length, bytes.Length);
            bytes[..n].CopyTo(room);
            bytes = bytes[n..];
            block++;
            offset = 0;
        }
    }

    /// <summary>Writes a number.</summary>
    public void Write(int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        Write(bytes);
    }

    /// <summary>Reads bytes in place when they lie in one block, else copies them.</summary>
    /// <param name="position">Where they begin; moved behind them.</param>
    /// <param name="length">How many.</param>
    /// <param name="buffer">For the copy; grown when it is too small.</param>
    public ReadOnlySpan<byte> Read(ref long position, int length, ref byte[] buffer)
    {
        (int block, int offset) = Locate(position);
        position += length;
        if (length == 0 || length <= _blocks[block].Size - offset)
        {
            return length == 0 ? default : new ReadOnlySpan<byte>((byte*)_blocks[block].Address + offset, length);
        }

        if (buffer.Length < length)
        {
            buffer = new byte[length];
        }

        Span<byte> rest = buffer.AsSpan(0, length);
        while (!rest.IsEmpty)
        {
            ReadOnlySpan<byte> piece = new ReadOnlySpan<byte>((void*)_blocks[block].Address, _blocks[block].Size)[offset..];
            int n = Math.Min(piece.Length, rest.Length);
            piece[..n].CopyTo(rest);
            rest = rest[n..];
            block++;
            offset = 0;
        }

        return buffer.AsSpan(0, length);
    }

    /// <summary>Reads a number.</summary>
    public int ReadInt32(ref long position, ref byte[] buffer) => BinaryPrimitives.ReadInt32LittleEndian(Read(ref position, sizeof(int), ref buffer));

    /// <summary>Gives every block back.</summary>
    public void Free()
    {
        foreach ((nint address, _) in _blocks)
        {
            pool.Free(address);
        }

        Forget();
    }

    /// <summary>Drops the blocks without freeing them, because the pool that they came from is gone or going.</summary>
    public void Forget()
    {
        _blocks.Clear();
        Capacity = 0;
        Length = 0;
    }

    // Sizes differ from block to block, so a position is found by walking; reading goes forward and pays for it once an entry. Chains are short by design.
    private (int Block, int Offset) Locate(long position)
    {
        int block = 0;
        while (block < _blocks.Count && position >= _blocks[block].Size)
        {
            position -= _blocks[block++].Size;
        }

        return (block, (int)position);
    }
}

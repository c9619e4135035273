namespace DimensionStore.Memory;

/// <summary>A block that is freed when its scope ends. Use it in one <c>using</c> statement and do not copy it.</summary>
public ref struct BlockGuard
{
    private readonly MemoryAllocator _allocator;
    private nint _address;

    internal BlockGuard(MemoryAllocator allocator, nint address, long length)
    {
        _allocator = allocator;
        _address = address;
        Length = length;
    }

    /// <summary>First byte of the block, 0 after <see cref="Dispose"/>.</summary>
    public readonly nint Address => _address;

    /// <summary>Bytes asked for.</summary>
    public long Length { get; }

    /// <summary>The block as a span; at most <see cref="int.MaxValue"/> bytes of it.</summary>
    public readonly unsafe Span<byte> Span => _address == 0
        ? throw new ObjectDisposedException(nameof(BlockGuard))
        : new Span<byte>((void*)_address, (int)Math.Min(Length, int.MaxValue));

    /// <summary>Frees the block; a second call does nothing.</summary>
    public void Dispose()
    {
        nint address = _address;
        _address = 0;
        if (address != 0)
        {
            _allocator.Free(address);
        }
    }
}

namespace DimensionStore.Memory;

/// <summary>
/// A block that belongs to this object: disposing frees it, and when the object is lost instead, the next collection of its allocator does. Keep the object reachable for as long as
/// <see cref="Address"/> or <see cref="Span"/> are used (<see cref="GC.KeepAlive"/>).
/// </summary>
/// <remarks>
/// There is no finalizer: a collection notices that the weak reference is dead, at a time of its own choosing and on its own thread. Not thread-safe but for <see cref="Dispose"/>.
/// </remarks>
public sealed class CollectableBlock : IDisposable
{
    private readonly SegregatedAllocator _allocator;
    private nint _address;

    internal CollectableBlock(SegregatedAllocator allocator, int length, OwnerId owner)
    {
        _allocator = allocator;
        Length = length;
        Owner = owner;
    }

    /// <summary>Gives the handle its block, which the allocator has noted already.</summary>
    internal void Take(nint address) => _address = address;

    /// <summary>First byte of the block, 0 after <see cref="Dispose"/>.</summary>
    public nint Address => _address;

    /// <summary>Bytes asked for.</summary>
    public int Length { get; }

    /// <summary>The owner given.</summary>
    public OwnerId Owner { get; }

    /// <summary>The block's bytes.</summary>
    /// <exception cref="ObjectDisposedException">The block was freed by <see cref="Dispose"/>.</exception>
    public unsafe Span<byte> Span
    {
        get
        {
            nint address = _address;
            ObjectDisposedException.ThrowIf(address == 0, this);
            return new Span<byte>((void*)address, Length);
        }
    }

    /// <summary>Frees the block; a second call, or one after the block was freed with its owner or by a reset, does nothing.</summary>
    public void Dispose()
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address != 0)
        {
            _allocator.FreeCollectable(this, address);
        }
    }
}

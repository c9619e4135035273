namespace DimensionStore.Memory;

/// <summary>A movable block that stays where it is until <see cref="Dispose"/>. Copying a pin copies the duty to dispose it once.</summary>
public ref struct MovablePin
{
    private readonly MovableHandle _handle;
    private TreeZoneAllocator? _allocator;

    internal MovablePin(TreeZoneAllocator allocator, MovableHandle handle, nint address)
    {
        _allocator = allocator;
        _handle = handle;
        Address = address;
    }

    /// <summary>First byte of the block, valid until <see cref="Dispose"/>.</summary>
    public nint Address { get; }

    /// <summary>Lets the block move again.</summary>
    public void Dispose()
    {
        TreeZoneAllocator? allocator = _allocator;
        _allocator = null;
        allocator?.Unpin(_handle);
    }
}

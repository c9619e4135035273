namespace DimensionStore.Memory;

/// <summary>Objects that become larger or smaller than their place.</summary>
public sealed unsafe partial class DualPoolAllocator
{
    /// <inheritdoc/>
    /// <remarks>
    /// The object stays its owner's where <paramref name="owner"/> names nobody. With <see cref="DualPoolOptions.TrackAllocations"/> it keeps the place and time at which it was allocated, also where it moves.
    /// </remarks>
    public override nint Reallocate(nint address, nuint size, OwnerId owner = default)
    {
        (OwnerId owned, AllocationStamp stamp) = OriginOf(address);
        nint moved = base.Reallocate(address, size, owner == OwnerId.None ? owned : owner);
        if (_tracks && moved != address)
        {
            SetStamp(moved, stamp);
        }

        return moved;
    }

    /// <summary>Owner and, if tracked, origin of a live object; nothing of an address that is none, which is refused before they are needed.</summary>
    private (OwnerId Owner, AllocationStamp Stamp) OriginOf(nint address)
    {
        _lock.Enter();
        try
        {
            if (_disposed || !Locate(address, out DualPool pool, out int index))
            {
                return default;
            }

            DualPoolSlot slot = new(pool, index);
            return (OwnerLocked(slot), _tracks ? StampLocked(slot) : default);
        }
        finally
        {
            _lock.Exit();
        }
    }

    private void SetStamp(nint address, AllocationStamp stamp)
    {
        _lock.Enter();
        try
        {
            if (!_disposed && Locate(address, out DualPool pool, out int index))
            {
                (pool == DualPool.Small ? ref _small.StampOf(index) : ref _big.StampOf(index)) = stamp;
            }
        }
        finally
        {
            _lock.Exit();
        }
    }
}

using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Changing the size of a block where it is.</summary>
public sealed unsafe partial class TreeZoneAllocator
{
    /// <inheritdoc/>
    /// <remarks>
    /// A block shrinks in place always, and grows in place where the granules behind it are free, committed and in the membrane it ends in; otherwise it moves as in every allocator. In place, its owner stays.
    /// A movable block's size cannot be changed.
    /// </remarks>
    public override nint Reallocate(nint address, nuint size, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        return TryResize(address, size, sameGranules: false) ? address : base.Reallocate(address, size, owner);
    }

    /// <inheritdoc/>
    protected internal override void NoteSize(nint address, nuint size) => TryResize(address, size, sameGranules: true);

    /// <inheritdoc/>
    protected internal override bool TryResizeInPlace(nint address, nuint size) => TryResize(address, size, sameGranules: false);

    private bool TryResize(nint address, nuint size, bool sameGranules)
    {
        TreeZone zone = EnterBlock(address, out int granule);
        try
        {
            int count = _map.EndOf(granule, zone.EndGranule) - granule;
            if (_tags.TryGet(granule, out _, out bool movable) && movable)
            {
                throw new MemoryFaultException(Name, MemoryFault.NotABlockStart, address, (long)count << LeafMap.GranuleShift, OwnerOf(granule), "the block is held by a movable handle, and such a block keeps its size. Allocate another and copy.");
            }

            if (size > (nuint)_options.TotalBytes)
            {
                return false;
            }

            // Noting a size never changes the block: what is smaller by whole granules counts as asked for up to the last one.
            int wanted = sameGranules ? count : GranulesFor(size);
            if (wanted > count && !CanGrow(zone, granule, count, wanted))
            {
                return false;
            }

            _map.PrepareBitsPage((granule + wanted - 1) >> LeafMap.LeafShift);
            long unused = ((long)wanted << LeafMap.GranuleShift) - (long)size;
            Release(zone, zone.MembraneOf(granule), granule, count);
            Take(zone, granule, wanted, (int)Math.Clamp(unused, 0, LeafMap.GranuleBytes - 1));
            Peak.Raise(ref _peakLiveBytes, Interlocked.Add(ref _liveBytes, (long)(wanted - count) << LeafMap.GranuleShift));
            return true;
        }
        catch (VirtualMemoryException)
        {
            // No memory for bookkeeping, and nothing has changed: the caller moves the block instead.
            return false;
        }
        finally
        {
            zone.Lock.Exit();
        }
    }

    private bool CanGrow(TreeZone zone, int granule, int count, int wanted)
    {
        int membrane = zone.MembraneOf(granule + count - 1);
        int end = granule + wanted;
        return end <= (zone.FirstLeafOf(membrane) + zone.LeafCountOf(membrane)) << LeafMap.LeafShift
            && _map.FirstUsed(granule + count, end) == end
            && zone.CountUncommitted((granule + count - 1) >> LeafMap.LeafShift, (end - 1) >> LeafMap.LeafShift) == 0;
    }
}

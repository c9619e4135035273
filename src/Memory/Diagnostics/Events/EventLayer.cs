using System.Diagnostics.Tracing;

namespace DimensionStore.Memory;

/// <summary>
/// Tells <see cref="ToolkitEventSource"/> what happens in an allocator: blocks, refused requests, misuse, collections, trims, resets, leaks and, where a budget is given,
/// its pressure. Where a <see cref="DiagnosticLayer"/> is beneath, it also tells what that one finds and no call can be told of. Not composed it does not exist; composed and with
/// nobody listening it costs a look at two words.
/// </summary>
/// <remarks>
/// Bytes of blocks that are handed out and given back are usable ones, as in <see cref="AllocatorStatistics.LiveBytes"/>: what was told as allocated, less what was told as freed, emptied or leaked, is what is live.
/// Owners of freed blocks are those of allocations that were told: while somebody listens to single blocks, the layer notes the owner of each block that has one, some 40 bytes of
/// managed memory, because most allocators do not remember it. A block from before has owner 0.
/// </remarks>
public sealed class EventLayer : AllocatorLayer
{
    private readonly MemoryBudget? _budget;
    private readonly string? _name;
    private readonly BlockOwners _owners = new();

    /// <summary>Watches an allocator.</summary>
    /// <param name="inner">The allocator beneath.</param>
    /// <param name="budget">The budget whose pressure is told, until the layer is disposed; or null.</param>
    /// <param name="name">What events call the allocator; its own name when null.</param>
    public EventLayer(MemoryAllocator inner, MemoryBudget? budget = null, string? name = null)
        : base(inner)
    {
        _budget = budget;
        _name = name;
        if (budget is not null)
        {
            budget.PressureChanged += OnPressureChanged;
        }

        for (MemoryAllocator beneath = inner; beneath is AllocatorLayer layer; beneath = layer.Inner)
        {
            if (layer is DiagnosticLayer diagnostics)
            {
                // Never removed: leaks are found while the layer beneath is disposed, and it lives no longer than this one.
                diagnostics.FaultFound += OnFaultFound;
            }
        }
    }

    /// <inheritdoc/>
    public override string Name => _name ?? Inner.Name;

    private static ToolkitEventSource Log => ToolkitEventSource.Log;

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        nint address;
        try
        {
            address = Inner.Allocate(size, alignment, options, owner);
        }
        catch (MemoryToolkitException e)
        {
            if (FailuresOf(options) > 0)
            {
                TellFailed(e, owner);
            }

            throw;
        }

        TellAllocated(address, size, owner);
        return address;
    }

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        if (!Inner.TryAllocate(size, out address, alignment, options, owner))
        {
            if (FailuresOf(options) > 0 && Log.IsEnabled())
            {
                AllocatorStatistics now = Inner.GetStatistics();
                Log.AllocationFailed(Name, Saturated(size), Math.Max(0, now.LimitBytes - now.LiveBytes), owner.Value);
            }

            return false;
        }

        TellAllocated(address, size, owner);
        return true;
    }

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        // Size and owner are known only as long as the block lives, so they are asked for first, and the owner is put back where the block stays live.
        OwnerId owner = OwnerId.None;
        try
        {
            bool wanted = Log.AreBlocksWanted();
            long bytes = wanted ? (long)Inner.UsableSize(address) : 0;
            owner = TakeOwner(address);
            Inner.Free(address);
            if (wanted)
            {
                Log.Freed(Name, address, bytes, owner.Value);
            }
        }
        catch (MemoryFaultException e)
        {
            PutBack(address, owner, e);
            throw;
        }
    }

    /// <inheritdoc/>
    public override void FreeSized(nint address, nuint size)
    {
        OwnerId owner = OwnerId.None;
        try
        {
            bool wanted = Log.AreBlocksWanted();
            long bytes = wanted ? (long)Inner.UsableSize(address) : 0;
            owner = TakeOwner(address);
            Inner.FreeSized(address, size);
            if (wanted)
            {
                Log.Freed(Name, address, bytes, owner.Value);
            }
        }
        catch (MemoryFaultException e)
        {
            PutBack(address, owner, e);
            throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Told as a free and an allocation, also where the block stays in place. A block that stays is still its owner's; one that moves is that of <paramref name="owner"/>, if that names somebody and
    /// what is beneath does not keep it for the owner it had, as owners with limits do.
    /// </remarks>
    public override nint Reallocate(nint address, nuint size, OwnerId owner = default)
    {
        OwnerId noted = OwnerId.None;
        try
        {
            bool wanted = Log.AreBlocksWanted();
            long before = wanted ? (long)Inner.UsableSize(address) : 0;
            noted = TakeOwner(address);
            nint moved = Inner.Reallocate(address, size, owner);
            TellResized(address, wanted ? before : null, noted, moved, size, owner);
            return moved;
        }
        catch (MemoryFaultException e)
        {
            PutBack(address, noted, e);
            throw;
        }
        catch (Exception e)
        {
            if (noted != OwnerId.None)
            {
                _owners.Set(address, noted);
            }

            TellFailed(e, owner == OwnerId.None ? noted : owner);
            throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Told like <see cref="Reallocate"/>, if it is done.</remarks>
    protected internal override bool TryResizeInPlace(nint address, nuint size)
    {
        bool wanted = Log.AreBlocksWanted();
        long before = wanted ? UsableBytes(address, 0) : 0;
        if (!Inner.TryResizeInPlace(address, size))
        {
            return false;
        }

        TellResized(address, wanted ? before : null, TakeOwner(address), address, size, OwnerId.None);
        return true;
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        AllocatorStatistics before = Inner.GetStatistics();
        Inner.Reset();
        _owners.Clear();
        Log.Emptied(Name, before.LiveBlocks, before.LiveBytes);
    }

    /// <inheritdoc/>
    public override long Trim()
    {
        long bytes = Inner.Trim();
        if (bytes > 0)
        {
            Log.Trimmed(Name, bytes);
        }

        return bytes;
    }

    internal override long FreeCollected(nint core, OwnerId owner, MemoryAllocator collector)
    {
        // What is not the layer beneath's any more was told when it was freed, and has only waited there.
        nint address = Inner.AddressAbove(core, collector);
        bool wasLive = address != 0 && Inner.Owns(address);
        bool wanted = wasLive && Log.AreBlocksWanted();
        long usable = wanted ? UsableBytes(address, 0) : 0;
        OwnerId noted = wasLive ? TakeOwner(address) : OwnerId.None;
        long bytes = Inner.FreeCollected(core, owner, collector);
        if (bytes > 0 && wanted)
        {
            Log.Freed(Name, address, usable, owner.Value);
        }
        else if (bytes == 0 && noted != OwnerId.None && Inner.Owns(address))
        {
            _owners.Set(address, noted);
        }

        return bytes;
    }

    internal override void NoteCollected(in CollectionResult result) =>
        ToolkitEventSource.Observer.OnCollected(this, result.FreedBlocks, result.ReclaimedBytes + result.ReturnedBytes, result.Duration);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_budget is not null)
        {
            _budget.PressureChanged -= OnPressureChanged;
        }

        _owners.Clear();
        bool told = Inner.GetStatistics().LeakedBlocks > 0;
        base.Dispose(disposing);
        AllocatorStatistics last = Inner.GetStatistics();
        if (last.LeakedBlocks > 0 && !told)
        {
            Log.Leaked(Name, last.LeakedBlocks, last.LeakedBytes);
        }
    }

    private void TellAllocated(nint address, nuint size, OwnerId owner)
    {
        bool wanted = Log.AreBlocksWanted();
        if (wanted || !_owners.IsEmpty)
        {
            // Also when nobody listens any more: the address may be noted as another owner's, if its block was freed beneath this layer.
            _owners.Set(address, wanted ? owner : OwnerId.None);
        }

        if (wanted)
        {
            Log.Allocated(Name, address, UsableBytes(address, size), owner.Value);
        }
    }

    /// <param name="address">Where the block was.</param>
    /// <param name="before">Its usable bytes then; null when nobody wants to know.</param>
    /// <param name="noted">Whose it was.</param>
    /// <param name="moved">Where it is.</param>
    /// <param name="size">What was asked for.</param>
    /// <param name="given">The owner that was named.</param>
    private void TellResized(nint address, long? before, OwnerId noted, nint moved, nuint size, OwnerId given)
    {
        if (before is { } bytes)
        {
            Log.Freed(Name, address, bytes, noted.Value);
        }

        OwnerId owner = moved == address || given == OwnerId.None ? noted : given;
        TellAllocated(moved, size, before is not null && Inner.TryFindOwner(moved, out OwnerId kept) ? kept : owner);
    }

    private long UsableBytes(nint address, nuint size)
    {
        try
        {
            return (long)Inner.UsableSize(address);
        }
        catch (MemoryFaultException)
        {
            // Another thread has reset the allocator since; the caller gets its address all the same.
            return (long)size;
        }
    }

    /// <summary>Tells of a refused request, which either of two errors may be; nothing of other errors.</summary>
    private void TellFailed(Exception error, OwnerId owner)
    {
        if (error is AllocationFailedException failed)
        {
            Log.AllocationFailed(Name, failed.RequestedBytes, failed.AvailableBytes, owner.Value);
        }
        else if (error is LimitExceededException limit)
        {
            Log.AllocationFailed(Name, limit.RequestedBytes, limit.AvailableBytes, owner.Value);
        }
    }

    private OwnerId TakeOwner(nint address) => _owners.IsEmpty ? OwnerId.None : _owners.Take(address);

    private void PutBack(nint address, OwnerId owner, MemoryFaultException fault)
    {
        if (owner != OwnerId.None)
        {
            _owners.Set(address, owner);
        }

        ToolkitEventSource.Observer.OnFault(this, fault);
    }

    private void OnFaultFound(object? sender, FaultFoundEventArgs e)
    {
        if (Log.IsEnabled(EventLevel.Error, ToolkitEventSource.Keywords.Failures))
        {
            ToolkitEventSource.Observer.OnFault(this, e.Fault.ToException());
        }
    }

    private void OnPressureChanged(object? sender, PressureChangedEventArgs e) =>
        ToolkitEventSource.Observer.OnPressureChanged(this, e.Previous, e.Current, e.LimitBytes == 0 ? 0 : e.UsedBytes * 100.0 / e.LimitBytes);
}

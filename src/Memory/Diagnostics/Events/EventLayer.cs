namespace DimensionStore.Memory;

/// <summary>
/// Tells <see cref="ToolkitEventSource"/> what happens in an allocator: blocks, refused requests, misuse, trims, resets, leaks and, where a budget is given,
/// its pressure. Not composed it does not exist; composed and with nobody listening it costs a look at a flag.
/// </summary>
public sealed class EventLayer : AllocatorLayer
{
    private readonly MemoryBudget? _budget;

    /// <summary>Watches an allocator.</summary>
    /// <param name="inner">The allocator beneath.</param>
    /// <param name="budget">The budget whose pressure is told, until the layer is disposed; or null.</param>
    public EventLayer(MemoryAllocator inner, MemoryBudget? budget = null)
        : base(inner)
    {
        _budget = budget;
        if (budget is not null)
        {
            budget.PressureChanged += OnPressureChanged;
        }
    }

    private static ToolkitEventSource Log => ToolkitEventSource.Log;

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        nint address;
        try
        {
            address = Inner.Allocate(size, alignment, options, owner);
        }
        catch (AllocationFailedException e)
        {
            Log.AllocationFailed(Name, e.RequestedBytes, e.AvailableBytes, owner.Value);
            throw;
        }
        catch (LimitExceededException e)
        {
            Log.AllocationFailed(Name, e.RequestedBytes, Math.Max(0, e.LimitBytes - e.UsedBytes), owner.Value);
            throw;
        }

        if (Log.AreBlocksWanted())
        {
            Log.Allocated(Name, address, (long)size, owner.Value);
        }

        return address;
    }

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        if (!Inner.TryAllocate(size, out address, alignment, options, owner))
        {
            if (Log.IsEnabled())
            {
                AllocatorStatistics now = Inner.GetStatistics();
                Log.AllocationFailed(Name, size > long.MaxValue ? long.MaxValue : (long)size, Math.Max(0, now.LimitBytes - now.LiveBytes), owner.Value);
            }

            return false;
        }

        if (Log.AreBlocksWanted())
        {
            Log.Allocated(Name, address, (long)size, owner.Value);
        }

        return true;
    }

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        try
        {
            // The size is known only as long as the block lives, so it is asked for first, and only when somebody wants it.
            bool wanted = Log.AreBlocksWanted();
            long bytes = wanted ? (long)Inner.UsableSize(address) : 0;
            Inner.Free(address);
            if (wanted)
            {
                Log.Freed(Name, address, bytes, 0);
            }
        }
        catch (MemoryFaultException e)
        {
            ToolkitEventSource.Observer.OnFault(this, e);
            throw;
        }
    }

    /// <inheritdoc/>
    public override void FreeSized(nint address, nuint size)
    {
        try
        {
            Inner.FreeSized(address, size);
            if (Log.AreBlocksWanted())
            {
                Log.Freed(Name, address, (long)size, 0);
            }
        }
        catch (MemoryFaultException e)
        {
            ToolkitEventSource.Observer.OnFault(this, e);
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        AllocatorStatistics before = Inner.GetStatistics();
        Inner.Reset();
        Log.Emptied(Name, before.LiveBlocks, before.LiveBytes);
    }

    /// <inheritdoc/>
    public override long Trim()
    {
        long bytes = Inner.Trim();
        Log.Trimmed(Name, bytes);
        return bytes;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_budget is not null)
        {
            _budget.PressureChanged -= OnPressureChanged;
        }

        bool told = Inner.GetStatistics().LeakedBlocks > 0;
        base.Dispose(disposing);
        AllocatorStatistics last = Inner.GetStatistics();
        if (last.LeakedBlocks > 0 && !told)
        {
            Log.Leaked(Name, last.LeakedBlocks, last.LeakedBytes);
        }
    }

    private void OnPressureChanged(object? sender, PressureChangedEventArgs e) =>
        ToolkitEventSource.Observer.OnPressureChanged(this, e.Previous, e.Current, e.LimitBytes == 0 ? 0 : e.UsedBytes * 100.0 / e.LimitBytes);
}

namespace DimensionStore.Memory;

/// <summary>What is there: look-ups, statistics, enumeration; and giving back: reset, trim, dispose.</summary>
public sealed unsafe partial class ObjectCache
{
    /// <inheritdoc/>
    public override void FreeSized(nint address, nuint size)
    {
        if (_engine.Look(address - _front, out uint usable, out byte state, out int shift) && (size == 0 || size > (nuint)ObjectBytes || !SlabEngine.IsSize(size + (nuint)_overhead, usable, state, shift)))
        {
            throw new MemoryFaultException(Name, MemoryFault.WrongSize, address, ObjectBytes, _engine.OwnerOf(address - _front), $"freed as {size:N0} bytes. Free with the size that was asked for.");
        }

        Free(address);
    }

    /// <inheritdoc/>
    public override nuint UsableSize(nint address) => _engine.Look(address - _front, out _, out _, out _) ? (nuint)ObjectBytes : throw FaultAt(address);

    /// <inheritdoc/>
    public override bool Owns(nint address)
    {
        try
        {
            return _engine.Look(address - _front, out _, out _, out _);
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Objects are constructed anew afterwards.</remarks>
    public override void Reset()
    {
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            _engine.StopThreadsLocked();
            Volatile.Write(ref _resets, _resets + 1);
            _engine.ResetLocked();
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Whole free slabs are given back, whichever thread has them; and of slabs where some objects are live the pages without any, which stay committed, unless free objects must keep what a
    /// constructor, <see cref="ObjectCacheFlags.RedZones"/> or <see cref="ObjectCacheFlags.Poison"/> wrote.
    /// </remarks>
    public override long Trim()
    {
        _engine.ThrowIfDisposedOutside();
        _engine.TryTrim(out long returned);
        _memory.Refund(returned);
        return returned + _engine.DiscardUnused();
    }

    /// <inheritdoc/>
    public override AllocatorStatistics GetStatistics()
    {
        lock (_engine.Gate)
        {
            return _engine.IsDisposed ? _last : SnapshotLocked();
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockInfo> EnumerateBlocks()
    {
        _engine.ThrowIfDisposedOutside();
        return _engine.Blocks().Select(block => block with { Address = block.Address + _front, RequestedBytes = block.RequestedBytes - _overhead, UsableBytes = ObjectBytes });
    }

    /// <inheritdoc/>
    public override IEnumerable<MemoryExtent> EnumerateExtents()
    {
        List<MemoryExtent> extents = [];
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            _engine.AddExtentsLocked(extents);
        }

        return extents;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<AllocatorGroup> GetGroups()
    {
        List<AllocatorGroup> groups = [];
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            _engine.AddGroupsLocked(groups);
        }

        return [.. groups.Select(group => group with { LiveBytes = group.LiveBlocks * ObjectBytes })];
    }

    /// <inheritdoc/>
    /// <remarks>The slabs are checked like those of <see cref="SlabAllocator"/>; with red zones, those of every live object too.</remarks>
    public override IntegrityReport CheckIntegrity()
    {
        List<string> violations = [];
        long blocks;
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            blocks = _engine.CheckLocked(violations);

            // With the lock no slab goes away, and zones are marked before an object is live, so that others may go on.
            foreach (BlockInfo block in _front > 0 ? EnumerateBlocks() : [])
            {
                Damage damage = DamageOf(block.Address);
                if (damage.IsAny)
                {
                    violations.Add(FaultOf(block.Address, damage).Message);
                }
            }
        }

        return new IntegrityReport(blocks, violations);
    }

    /// <inheritdoc/>
    protected internal override void NoteSize(nint address, nuint size) => _engine.TryResize(address - _front, size + (nuint)_overhead);

    /// <inheritdoc/>
    protected internal override bool TryChargeBeside(long bytes) => _memory.TryCharge(bytes);

    /// <inheritdoc/>
    protected internal override void RefundBeside(long bytes) => _memory.Refund(bytes);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        lock (_engine.Gate)
        {
            if (_engine.IsDisposed)
            {
                return;
            }

            _engine.StopThreadsLocked();
            _last = SnapshotLocked().AfterDispose();
            _engine.DisposeLocked();
        }

        if (_options.Budget != null)
        {
            _options.Budget.PressureChanged -= OnPressure;
        }

        _memory.Dispose();
    }

    private AllocatorStatistics SnapshotLocked()
    {
        AllocatorStatistics slabs = _engine.SnapshotLocked();
        long live = slabs.LiveBlocks * ObjectBytes;
        return slabs with
        {
            LiveBytes = live,
            RequestedBytes = Math.Max(0, live - (slabs.LiveBytes - slabs.RequestedBytes)),
            PeakLiveBytes = slabs.PeakLiveBytes / (ObjectBytes + _overhead) * ObjectBytes,
        };
    }
}

using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>What is there: look-ups, statistics, enumeration; and giving back: reset, trim, dispose.</summary>
public abstract unsafe partial class SizeClassAllocator
{
    // Below, two system calls' worth of changed mappings cost more than copying.
    private const nuint LeastMovedBytes = 64 << 10;

    /// <inheritdoc/>
    /// <remarks>What was asked for is remembered exactly up to 2 KiB, and in quanta of up to a 128th of the distance between sizes above; another size within the quantum passes.</remarks>
    public sealed override void FreeSized(nint address, nuint size)
    {
        if (_large != null && !_engine.Covers(address))
        {
            _large.FreeSized(address, size);
            return;
        }

        if (_engine.Look(address, out uint usable, out byte state, out int shift) && !SlabEngine.IsSize(size, usable, state, shift))
        {
            throw new MemoryFaultException(Name, MemoryFault.WrongSize, address, usable, _engine.OwnerOf(address), $"freed as {size:N0} bytes. Free with the size that was asked for.");
        }

        Free(address);
    }

    /// <inheritdoc/>
    public sealed override nuint UsableSize(nint address) =>
        _large != null && !_engine.Covers(address) ? _large.UsableSize(address)
        : _engine.Look(address, out uint usable, out _, out _) ? usable
        : throw FaultAt(address);

    /// <inheritdoc/>
    public sealed override bool Owns(nint address)
    {
        try
        {
            return _large != null && !_engine.Covers(address) ? _large.Owns(address) : _engine.Look(address, out _, out _, out _);
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public sealed override nint Reallocate(nint address, nuint size, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (_large == null || _engine.Covers(address))
        {
            SlabHeap* heap = (SlabHeap*)LastHeap.Current;
            nint here = owner.Value == 0 && heap != null ? ReallocateOwn(heap, address, size) : 0;
            return here != 0 ? here : _engine.TryResize(address, size) ? address : base.Reallocate(address, size, owner);
        }

        if (size <= SizeClasses.MaxBytes)
        {
            return base.Reallocate(address, size, owner);
        }

        if (TryResizeLarge(address, size))
        {
            return address;
        }

        nuint kept = nuint.Min(size, _large.UsableSize(address));
        nint moved = AllocateLarge(size, DefaultAlignment, AllocationOptions.None, owner, throws: true, out CleanRun clean);

        // Pages change places instead of being copied: that spares the faults on new ones, which cost five times as much as the copying, and never needs memory for both. Where most of the new
        // block has its pages already, there is nothing to spare: moving would drop them, and the faults would come where the old block lay.
        if (kept < LeastMovedBytes || clean.Bytes < kept / 2 || !VirtualMemory.TryMovePages(address, moved, kept))
        {
            Buffer.MemoryCopy((void*)address, (void*)moved, kept, kept);
        }

        // Only now: a peak with both blocks would be one that the memory never had.
        _large.Free(address);
        _engine.AfterGrowthBeside();
        return moved;
    }

    /// <inheritdoc/>
    protected internal sealed override bool TryResizeInPlace(nint address, nuint size) =>
        _large == null || _engine.Covers(address) ? _engine.TryResize(address, size) : size > SizeClasses.MaxBytes && TryResizeLarge(address, size);

    private bool TryResizeLarge(nint address, nuint size)
    {
        bool isResized = _large!.TryResize(address, size);
        if (isResized)
        {
            _engine.AfterGrowthBeside();
        }

        return isResized;
    }

    /// <inheritdoc/>
    public sealed override void Reset()
    {
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            _engine.ResetLocked();
        }

        _large?.Reset();
    }

    /// <inheritdoc/>
    /// <remarks>
    /// What other threads have freed is gathered first, and slabs kept for reuse go too. Where some blocks of a slab are live, the pages without any go back too; they stay committed. The other threads are
    /// stopped meanwhile, for the last part some slabs at a time.
    /// </remarks>
    public sealed override long Trim()
    {
        long returned;
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            returned = _engine.TrimLocked();
        }

        _memory.Refund(returned);

        // Last, because the rule for giving back counts from what is left.
        returned += _large?.Trim() ?? 0;
        return returned + _engine.DiscardUnused();
    }

    /// <inheritdoc/>
    /// <remarks>Looks at one byte for each small block there is, to add up what was asked for.</remarks>
    public sealed override AllocatorStatistics GetStatistics()
    {
        lock (_engine.Gate)
        {
            return _engine.IsDisposed ? _last : SnapshotLocked();
        }
    }

    /// <inheritdoc/>
    public sealed override IEnumerable<BlockInfo> EnumerateBlocks()
    {
        _engine.ThrowIfDisposedOutside();
        return _large == null ? _engine.Blocks() : _engine.Blocks().Concat(_large.EnumerateBlocks());
    }

    /// <inheritdoc/>
    public sealed override IEnumerable<MemoryExtent> EnumerateExtents()
    {
        List<MemoryExtent> extents = [];
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            _engine.AddExtentsLocked(extents);
        }

        if (_large != null)
        {
            foreach (MemoryExtent extent in _large.EnumerateExtents())
            {
                extents.Add(extent with { Group = PagesGroup });
            }

            extents.Sort((one, other) => one.Address.CompareTo(other.Address));
        }

        return extents;
    }

    /// <inheritdoc/>
    public sealed override IReadOnlyList<AllocatorGroup> GetGroups()
    {
        List<AllocatorGroup> groups = [];
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            _engine.AddGroupsLocked(groups);
        }

        if (_large != null)
        {
            AllocatorStatistics pages = _large.GetStatistics();
            groups.Add(new AllocatorGroup(AllocatorGroupKind.SizeClass, PagesGroup, pages.LiveBlocks, pages.LiveBytes, 0, pages.CommittedBytes, 0));
        }

        return groups;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Stops the other threads for its duration. Checked: every slab agrees with the table that finds it and with its list; every block is live, or free and marked so, once;
    /// counters agree with the blocks' states; committed bytes agree with the units and stay within limit and budget.
    /// </remarks>
    public sealed override IntegrityReport CheckIntegrity()
    {
        List<string> violations = [];
        long blocks;
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            blocks = _engine.CheckLocked(violations);
            long committed = _engine.CommittedLocked();
            if (committed != _memory.CommittedBytes || committed > _memory.ChargedBytes)
            {
                violations.Add($"{committed:N0} bytes are committed, {_memory.CommittedBytes:N0} are counted and {_memory.ChargedBytes:N0} charged.");
            }
        }

        if (_large != null)
        {
            IntegrityReport pages = _large.CheckIntegrity();
            blocks += pages.BlocksChecked;
            violations.AddRange(pages.Violations);
        }

        return new IntegrityReport(blocks, violations);
    }

    /// <inheritdoc/>
    protected internal sealed override void NoteSize(nint address, nuint size)
    {
        if (_large != null && !_engine.Covers(address))
        {
            _large.NoteSize(address, size);
            return;
        }

        // From a layer above, which has seen that the block can stay where it is.
        _engine.TryResize(address, size);
    }

    /// <inheritdoc/>
    protected internal sealed override bool TryChargeBeside(long bytes) => _memory.TryCharge(bytes);

    /// <inheritdoc/>
    protected internal sealed override void RefundBeside(long bytes) => _memory.Refund(bytes);

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
            _large?.Close();
            _last = SnapshotLocked().AfterDispose();
            _engine.DisposeLocked();
        }

        // Outside the lock, because the budget raises events; both, whatever a handler throws.
        try
        {
            _large?.ReleaseMemory();
        }
        finally
        {
            _memory.Dispose();
        }
    }

    private AllocatorStatistics SnapshotLocked()
    {
        AllocatorStatistics slabs = _engine.SnapshotLocked();
        if (_large == null)
        {
            return slabs;
        }

        // After its dispose, what was live in the pages has become leaked; it is still to be counted here.
        AllocatorStatistics pages = _large.GetStatistics();
        long live = pages.LiveBytes + pages.LeakedBytes;
        return slabs with
        {
            ReservedBytes = slabs.ReservedBytes + pages.ReservedBytes,
            CommittedBytes = slabs.CommittedBytes + pages.CommittedBytes,
            PeakCommittedBytes = Math.Max(PeakCommittedBytes, slabs.CommittedBytes + pages.CommittedBytes),
            IdleBytes = slabs.IdleBytes + pages.IdleBytes,
            LiveBytes = slabs.LiveBytes + live,
            RequestedBytes = slabs.RequestedBytes + pages.RequestedBytes,
            PeakLiveBytes = Math.Max(slabs.PeakLiveBytes, slabs.LiveBytes + live),
            LimitBytes = LimitBytes,
            LiveBlocks = slabs.LiveBlocks + pages.LiveBlocks + pages.LeakedBlocks,
            AllocationCount = slabs.AllocationCount + pages.AllocationCount,
            FreeCount = slabs.FreeCount + pages.FreeCount,
            MetadataBytes = slabs.MetadataBytes + pages.MetadataBytes,
        };
    }
}

namespace DimensionStore.Memory;

/// <summary>What is there: look-ups, statistics, enumeration; and giving back: reset, trim, dispose.</summary>
public abstract unsafe partial class PageAllocator
{
    private const int EnumerationBatch = 256;
    private const int Sizes = 64;

    private AllocatorStatistics _last;

    /// <inheritdoc/>
    public override nuint UsableSize(nint address)
    {
        EnterLock();
        try
        {
            int index = IndexOfArea(address);
            return index >= 0 && _areas[index].TryLocate(address, out int pageblock, out int granule)
                ? (nuint)_areas[index].GranulesAt(pageblock, granule) << _areas[index].GranuleShift
                : throw FaultLocked(index, address);
        }
        finally
        {
            ExitLock();
        }
    }

    /// <inheritdoc/>
    public override bool Owns(nint address)
    {
        _lock.Enter();
        int index = IndexOfArea(address);
        bool owns = !_disposed && index >= 0 && _areas[index].TryLocate(address, out _, out _);
        _lock.Exit();
        return owns;
    }

    /// <inheritdoc/>
    /// <remarks>What is committed stays so; <see cref="Trim"/> gives it back.</remarks>
    public override void Reset()
    {
        EnterLock();
        try
        {
            _memory.AwaitUses();
            for (int i = 0; i < _areas.Length; i++)
            {
                _areas[i].Reset();
                ChangedLocked(i);
            }

            _frees += _liveBlocks;
            _liveBlocks = 0;
            _liveBytes = 0;
            _requestedBytes = 0;
        }
        finally
        {
            ExitLock();
        }

        RaiseEvents();
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Every committed page that holds no block goes back, and the bookkeeping of free pageblocks, of which not more is kept than a 64th of the live bytes (or 64 KiB): beyond that, a
    /// later double free in such a pageblock no longer names the last size and owner, nor can it be told from an address where no block ever began. The lock is taken for one pageblock at a time, so that nobody waits for all of them.
    /// </remarks>
    public override long Trim()
    {
        long returned = 0;
        foreach (BuddyArea area in _areas)
        {
            for (int pageblock = 0; ; pageblock++)
            {
                EnterSettled();
                bool more = pageblock < area.KnownPageblocks;
                if (more)
                {
                    returned += area.Trim(pageblock, long.MaxValue);
                    area.TrimTables(pageblock);
                }

                ExitLock();
                if (!more)
                {
                    break;
                }
            }
        }

        EnterLock();
        _keeping.Forget();
        _givingBack.Trimmed(UsedBytes);
        ExitLock();
        _memory.Refund(returned);
        return returned;
    }

    /// <inheritdoc/>
    /// <remarks>After <see cref="MemoryAllocator.Dispose()"/>: the last statistics, with nothing committed or live and the blocks that were still live as leaked.</remarks>
    public override AllocatorStatistics GetStatistics()
    {
        _lock.Enter();
        AllocatorStatistics statistics = _disposed ? _last : SnapshotLocked();
        _lock.Exit();
        return statistics;
    }

    /// <summary>How the kinds of blocks fare, in the order of <see cref="PageMobility"/>.</summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public IReadOnlyList<MobilityStatistics> GetMobilityStatistics()
    {
        MobilityStatistics[] kinds = new MobilityStatistics[BuddyArea.Kinds];
        EnterSettled();
        for (int kind = 0; kind < kinds.Length; kind++)
        {
            MobilityStatistics sum = new((PageMobility)kind, 0, 0, 0, 0, 0);
            foreach (BuddyArea area in _areas)
            {
                (long pageblocks, long free) = area.CountKind(kind);
                sum = new MobilityStatistics(sum.Mobility, sum.Pageblocks + pageblocks, sum.FreeBytes + free, sum.AllocationCount + area.Allocations[kind], sum.FallbackCount + area.Fallbacks[kind], sum.ConversionCount + area.Conversions[kind]);
            }

            kinds[kind] = sum;
        }

        ExitLock();
        return kinds;
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockInfo> EnumerateBlocks()
    {
        EnterLock();
        ExitLock();
        return Enumerate();
    }

    /// <inheritdoc/>
    public override IEnumerable<MemoryExtent> EnumerateExtents()
    {
        List<MemoryExtent> extents = [];
        EnterLock();
        try
        {
            for (int i = 0; i < _areas.Length; i++)
            {
                _areas[i].AddExtents(extents, _areaNames[i]);
            }
        }
        finally
        {
            ExitLock();
        }

        return extents;
    }

    /// <inheritdoc/>
    /// <remarks>A row per order that has blocks, named by its size; a live block counts where its size, rounded up, belongs. The free blocks of an order are not all committed.</remarks>
    public override IReadOnlyList<AllocatorGroup> GetGroups()
    {
        long[] blocks = new long[Sizes];
        long[] bytes = new long[Sizes];
        long[] free = new long[Sizes];
        foreach (BlockInfo block in EnumerateBlocks())
        {
            int size = CeilingLog2((ulong)block.UsableBytes);
            blocks[size]++;
            bytes[size] += block.UsableBytes;
        }

        EnterSettled();
        foreach (BuddyArea area in _areas)
        {
            area.CountFree(free);
        }

        ExitLock();
        List<AllocatorGroup> groups = [];
        for (int size = 0; size < Sizes; size++)
        {
            if (blocks[size] > 0 || free[size] > 0)
            {
                groups.Add(new AllocatorGroup(AllocatorGroupKind.SizeClass, $"{1L << size} B", blocks[size], bytes[size], free[size], CommittedBytes: 0, LimitBytes: 0));
            }
        }

        return groups;
    }

    /// <inheritdoc/>
    public override IntegrityReport CheckIntegrity()
    {
        List<string> violations = [];
        long checkedBlocks = 0;
        EnterSettled();
        try
        {
            long live = 0;
            long requested = 0;
            long committed = 0;
            for (int i = 0; i < _areas.Length; i++)
            {
                BuddyArea.Sums sums = _areas[i].Check(_areaNames[i].Length == 0 ? Name : _areaNames[i], violations);
                checkedBlocks += sums.LiveBlocks;
                live += sums.LiveBytes;
                requested += sums.RequestedBytes;
                committed += sums.CommittedBytes;
            }

            Expect(violations, checkedBlocks == _liveBlocks, $"{checkedBlocks:N0} blocks are live, {_liveBlocks:N0} are counted.");
            Expect(violations, live == _liveBytes, $"{live:N0} bytes are live, {_liveBytes:N0} are counted.");
            Expect(violations, requested == _requestedBytes, $"{requested:N0} bytes were asked for, {_requestedBytes:N0} are counted.");
            Expect(violations, committed == _memory.CommittedBytes, $"{committed:N0} bytes are committed, {_memory.CommittedBytes:N0} are counted.");
            Expect(violations, _memory.CommittedBytes <= _memory.ChargedBytes && _memory.ChargedBytes <= _memory.LimitBytes, $"{_memory.CommittedBytes:N0} bytes are committed, {_memory.ChargedBytes:N0} charged, and the limit is {_memory.LimitBytes:N0}.");
            Expect(violations, _allocations - _frees == _liveBlocks, $"{_allocations:N0} allocations less {_frees:N0} frees are not {_liveBlocks:N0} live blocks.");
        }
        finally
        {
            ExitLock();
        }

        return new IntegrityReport(checkedBlocks, violations);
    }

    /// <inheritdoc/>
    protected internal override bool TryChargeBeside(long bytes) => _memory.TryCharge(bytes);

    /// <inheritdoc/>
    protected internal override void RefundBeside(long bytes) => _memory.Refund(bytes);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Close();
        ReleaseMemory();
    }

    /// <summary>The part of dispose that raises no events: from here on there are no blocks. <see cref="ReleaseMemory"/> follows outside of all locks. Once; later calls do nothing.</summary>
    internal void Close()
    {
        _lock.Enter();
        if (!_disposed)
        {
            _last = SnapshotLocked().AfterDispose();
            _disposed = true;
            foreach (BuddyArea area in _areas)
            {
                area.Dispose();
            }
        }

        _lock.Exit();
    }

    /// <summary>Gives the memory back, and the charge, of which the budget tells.</summary>
    internal void ReleaseMemory() => _memory.Dispose();

    private static void Expect(List<string> violations, bool holds, string violation)
    {
        if (!holds)
        {
            violations.Add(violation);
        }
    }

    private IEnumerable<BlockInfo> Enumerate()
    {
        BlockInfo[] batch = new BlockInfo[EnumerationBatch];
        foreach (BuddyArea area in _areas)
        {
            long position = 0;
            int found;
            do
            {
                EnterLock();
                found = area.CopyBlocks(ref position, batch);
                ExitLock();
                for (int i = 0; i < found; i++)
                {
                    yield return batch[i];
                }
            }
            while (found == batch.Length);
        }
    }

    private AllocatorStatistics SnapshotLocked()
    {
        long idle = 0;
        long metadata = 0;
        long reserved = _memory.ReservedBytes;
        foreach (BuddyArea area in _areas)
        {
            area.Settle();
            metadata += area.MetadataBytes;
            reserved += area.TablesReservedBytes;
            for (int pageblock = 0; pageblock < area.KnownPageblocks; pageblock++)
            {
                idle += area.IdleBytes(pageblock);
            }
        }

        return new AllocatorStatistics
        {
            ReservedBytes = reserved,
            CommittedBytes = _memory.CommittedBytes,
            PeakCommittedBytes = _memory.PeakCommittedBytes,
            IdleBytes = idle,
            LiveBytes = _liveBytes,
            RequestedBytes = _requestedBytes,
            PeakLiveBytes = _peakLiveBytes,
            LimitBytes = _memory.LimitBytes,
            LiveBlocks = _liveBlocks,
            AllocationCount = _allocations,
            FreeCount = _frees,
            FailedAllocationCount = _failures,
            MetadataBytes = metadata,
        };
    }
}

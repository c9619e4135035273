namespace DimensionStore.Memory;

/// <summary>What is there: statistics, enumeration, the check; and giving back: reset, trim, dispose.</summary>
public sealed unsafe partial class SegregatedAllocator
{
    private const int Batch = 256;

    private AllocatorStatistics _last;

    /// <summary>Usage in the specification's terms. Walks over all blocks; meant for looking, not for a hot path.</summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public SegregatedUsage GetUsage()
    {
        long freeBlocks = 0;
        long freeGranules = 0;
        long largest = 0;
        BiasedLock.Record? entered = _lock.Enter();
        _heap.MergeDeferred();
        for (uint from = 0; _heap.TryNext(from, out uint start, out uint length, out bool isLive); from = start + length)
        {
            freeBlocks += isLive ? 0 : 1;
            freeGranules += isLive ? 0 : length;
            largest = isLive ? largest : Math.Max(largest, length);
        }

        SegregatedUsage usage = new()
        {
            TotalBytes = CapacityBytes,
            UsedBytes = _heap.LiveGranules << GranuleShift,
            Pressure = LevelOf(_heap.LiveGranules),
            AllocatedBlocks = _heap.Allocations - _heap.Frees,
            FreeBlocks = freeBlocks,
            FreeBytes = freeGranules << GranuleShift,
            LargestFreeBytes = largest << GranuleShift,
            DeallocatedBlocks = _heap.Frees - _freesCollected,
        };
        _lock.Exit(entered);
        return usage;
    }

    /// <inheritdoc/>
    /// <remarks>Sizes asked for are not recorded: what rounding to 16 bytes costs is at most 15 bytes a block.</remarks>
    public override AllocatorStatistics GetStatistics()
    {
        BiasedLock.Record? entered;
        try
        {
            entered = _lock.Enter();
        }
        catch (ObjectDisposedException)
        {
            return _last;
        }

        AllocatorStatistics statistics = SnapshotLocked();
        _lock.Exit(entered);
        return statistics;
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockInfo> EnumerateBlocks()
    {
        ThrowIfDisposed();
        return Enumerate(null);
    }

    /// <inheritdoc/>
    public override IEnumerable<MemoryExtent> EnumerateExtents()
    {
        List<MemoryExtent> extents = [];
        BiasedLock.Record? entered = _lock.Enter();
        try
        {
            _heap.AddExtents(extents);
        }
        finally
        {
            _lock.Exit(entered);
        }

        return extents;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// One row per bucket of the specification and one for what is larger. A live block is counted in the smallest bucket that holds it; a free one in the largest bucket whose requests it
    /// can serve, those below 64 bytes in the first.
    /// </remarks>
    public override IReadOnlyList<AllocatorGroup> GetGroups()
    {
        ReadOnlySpan<int> buckets = SizeBuckets.SpecifiedBytes;
        Span<long> blocks = stackalloc long[buckets.Length + 1];
        Span<long> granules = stackalloc long[buckets.Length + 1];
        Span<long> free = stackalloc long[buckets.Length + 1];
        blocks.Clear();
        granules.Clear();
        free.Clear();
        BiasedLock.Record? entered = _lock.Enter();
        _heap.MergeDeferred();
        for (uint from = 0; _heap.TryNext(from, out uint start, out uint length, out bool isLive); from = start + length)
        {
            long bytes = (long)length << GranuleShift;
            int bucket = SizeBuckets.SpecifiedFor(bytes);
            if (isLive)
            {
                blocks[bucket]++;
                granules[bucket] += length;
            }
            else
            {
                free[bucket > 0 && (bucket == buckets.Length ? bytes < 0 : buckets[bucket] > bytes) ? bucket - 1 : bucket]++;
            }
        }

        _lock.Exit(entered);
        AllocatorGroup[] groups = new AllocatorGroup[buckets.Length + 1];
        for (int i = 0; i < groups.Length; i++)
        {
            string name = i == buckets.Length ? "large" : buckets[i] < 1024 || buckets[i] % 1024 != 0 ? $"{buckets[i]} B" : $"{buckets[i] >> 10} KiB";
            groups[i] = new AllocatorGroup(AllocatorGroupKind.SizeClass, name, blocks[i], granules[i] << GranuleShift, free[i], 0, 0);
        }

        return groups;
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        BiasedLock.Record? entered = _lock.Enter();
        try
        {
            _memory.AwaitUses();
            ReleaseOwnersLocked();
            _protected?.Clear();
            _collectables?.Clear();
            _ended?.Clear();
            _heap.FreeAll();
        }
        finally
        {
            _lock.Exit(entered);
        }

        CheckPressure();
    }

    /// <inheritdoc/>
    /// <remarks>Every whole free page goes back, wherever it lies.</remarks>
    public override long Trim() => ReturnIdle(0);

    /// <inheritdoc/>
    /// <remarks>
    /// Checked: blocks fill the committed pages without gap or overlap, no two free blocks are neighbours, every free block is in its bucket or in the tree, boundary information
    /// agrees with the blocks, counters and committed bytes agree with what is found.
    /// </remarks>
    public override IntegrityReport CheckIntegrity()
    {
        List<string> violations = [];
        long blocks;
        BiasedLock.Record? entered = _lock.Enter();
        try
        {
            blocks = _heap.Check(violations);
        }
        finally
        {
            _lock.Exit(entered);
        }

        return new IntegrityReport(blocks, violations);
    }

    /// <summary>Checks the integrity and throws when something is wrong: the specification's <c>CorruptionDetected</c>.</summary>
    /// <exception cref="MemoryFaultException"><see cref="MemoryFault.Corruption"/>, with the first violated invariant.</exception>
    public void ThrowIfCorrupt()
    {
        IntegrityReport report = CheckIntegrity();
        if (!report.IsIntact)
        {
            MemoryFaultException fault = new(Name, MemoryFault.Corruption, _memory.Start, _capacityBytes, OwnerId.None, $"{report.Violations[0]} ({report.Violations.Count} violations in all.) The tables lie outside all blocks, so something wrote at an address that was never handed out. Do not go on with this allocator.");
            Observer?.OnFault(this, fault);
            throw fault;
        }
    }

    /// <inheritdoc/>
    protected internal override bool TryChargeBeside(long bytes) => _memory.TryCharge(bytes);

    /// <inheritdoc/>
    protected internal override void RefundBeside(long bytes) => _memory.Refund(bytes);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_lock.TryEnterAndClose())
        {
            return;
        }

        try
        {
            // A thread that disposes in a read bracket of its own cannot wait for the frees of others that are under way: what they read then stays mapped.
            bool isQuiet = _heap.Close();
            _last = SnapshotLocked().AfterDispose();
            ReleaseOwnersLocked();
            _collectables?.Clear();
            if (isQuiet)
            {
                _heap.Dispose();
            }

            _tags?.Dispose();
        }
        finally
        {
            _lock.Exit(null);
        }

        // Raises the budget's events, so outside the lock. Nobody enters any more.
        _memory.Dispose();
    }

    private long ReturnIdle(long keepBytes)
    {
        long returned;
        BiasedLock.Record? entered = _lock.Enter();
        try
        {
            returned = _heap.ReturnIdlePages(keepBytes);
            if (returned > 0)
            {
                _tags?.GiveBackUnused(_heap.Tables);
            }
        }
        finally
        {
            _lock.Exit(entered);
        }

        _memory.Refund(returned);
        return returned;
    }

    private IEnumerable<BlockInfo> Enumerate(OwnerId? only)
    {
        BlockInfo[] batch = new BlockInfo[Batch];
        uint from = 0;
        int found;
        do
        {
            found = LiveBlocks(ref from, only, batch);
            for (int i = 0; i < found; i++)
            {
                yield return batch[i];
            }
        }
        while (from != None);
    }

    /// <summary>Copies some live blocks from a granule on, after at most so many steps that the lock is not held for long; <paramref name="from"/> is <see cref="None"/> at the end.</summary>
    private int LiveBlocks(ref uint from, OwnerId? only, Span<BlockInfo> found)
    {
        int count = 0;
        BiasedLock.Record? entered = _lock.Enter();
        try
        {
            _heap.MergeDeferred();
            for (int steps = 0; count < found.Length && steps < 16 * Batch; steps++)
            {
                if (!_heap.TryNext(from, out uint start, out uint length, out bool isLive))
                {
                    from = None;
                    break;
                }

                from = start + length;
                OwnerId owner = isLive ? OwnerOf(start, length) : OwnerId.None;
                if (isLive && (only is null || only == owner))
                {
                    long bytes = (long)length << GranuleShift;
                    found[count++] = new BlockInfo(_heap.AddressOf(start), bytes, bytes, owner, Age: null);
                }
            }
        }
        finally
        {
            _lock.Exit(entered);
        }

        return count;
    }

    private AllocatorStatistics SnapshotLocked()
    {
        _heap.MergeDeferred();
        long live = _heap.LiveGranules << GranuleShift;
        return new AllocatorStatistics
        {
            ReservedBytes = _memory.ReservedBytes + _heap.Tables.ReservedBytes + (_heap.Elsewhere?.ReservedBytes ?? 0) + (_tags?.ReservedBytes ?? 0),
            CommittedBytes = _memory.CommittedBytes,
            PeakCommittedBytes = _memory.PeakCommittedBytes,
            IdleBytes = _heap.IdleBytes,
            LiveBytes = live,
            RequestedBytes = live,
            PeakLiveBytes = _heap.PeakLiveGranules << GranuleShift,
            LimitBytes = CapacityBytes,
            LiveBlocks = _heap.Allocations - _heap.Frees,
            AllocationCount = _heap.Allocations,
            FreeCount = _heap.Frees,
            FailedAllocationCount = Volatile.Read(ref _failures),
            MetadataBytes = (_ended?.Bytes ?? 0) + _heap.Tables.CommittedBytes + _heap.Deferred.Bytes + _heap.LastLives.Bytes + (_heap.Elsewhere?.CommittedBytes ?? 0) + (_tags?.CommittedBytes ?? 0),
        };
    }
}

namespace DimensionStore.Memory;

/// <summary>What is there: statistics, enumeration; and giving back: reset, trim, dispose.</summary>
public sealed unsafe partial class DiagnosticLayer
{
    private const int EnumerationBatch = 128;

    private readonly Lock _closing = new();
    private long _liveBytes;
    private long _peakLiveBytes;
    private AllocatorStatistics _last;
    private bool _disposed;

    /// <summary>What was live at dispose, the first <see cref="MaxRecords"/> of it, each with owner, size, age and, as far as recorded, place and stack; empty before.</summary>
    public IReadOnlyList<MemoryFaultRecord> Leaks { get; private set; } = [];

    /// <summary>Blocks that are freed and kept from reuse.</summary>
    public int QuarantinedBlocks => _quarantine.Count;

    /// <inheritdoc/>
    /// <remarks>
    /// Blocks and bytes are those of the layer's blocks, as asked for; what guards and quarantine take shows as committed and not live. The peak of committed memory is
    /// at most the sum of both peaks, beneath and of the guard pages, and within the limit, which is the one beneath. The last ones, after dispose, are for every thread.
    /// </remarks>
    /// <exception cref="WrongThreadException">The allocator beneath is for one thread, and this is another.</exception>
    public override AllocatorStatistics GetStatistics()
    {
        lock (_closing)
        {
            if (_disposed)
            {
                return _last;
            }

            CheckThread();
            return Snapshot();
        }
    }

    /// <inheritdoc/>
    /// <remarks>None: the groups are those of <see cref="AllocatorLayer.Inner"/>, whose sums contain guards and quarantine and so are not the layer's.</remarks>
    public override IReadOnlyList<AllocatorGroup> GetGroups()
    {
        CheckThread();
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
        return [];
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockInfo> EnumerateBlocks()
    {
        CheckThread();
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
        return Enumerate();
    }

    /// <inheritdoc/>
    public override IEnumerable<MemoryExtent> EnumerateExtents()
    {
        CheckThread();
        IEnumerable<MemoryExtent> inner = Inner.EnumerateExtents();
        if (_pages is null)
        {
            return inner;
        }

        List<MemoryExtent> extents = [.. inner];
        foreach (BlockRecord record in Snapshot(record => record.Place == RecordPlace.Pages && record.State == RecordState.Live))
        {
            extents.Add(new MemoryExtent(record.Base, record.TotalBytes, "guard pages"));
        }

        return extents.OrderBy(extent => extent.Address);
    }

    /// <inheritdoc/>
    /// <remarks>Live blocks and the quarantine are checked first; what is found raises <see cref="FaultFound"/>. A block that another thread is just allocating may be freed with the others, and is then unknown to the layer.</remarks>
    public override void Reset()
    {
        CheckThread();
        List<MemoryFaultRecord> faults = [];
        Interlocked.Increment(ref _resetsBegun);
        try
        {
            FreeAll(faults);
        }
        finally
        {
            Volatile.Write(ref _resettingThread, 0);
            Interlocked.Increment(ref _resetsEnded);
        }

        faults.ForEach(Report);
    }

    private void FreeAll(List<MemoryFaultRecord> faults)
    {
        List<BlockRecord> pages = [];
        foreach (BlockRecordTable.Shard shard in _records.Shards)
        {
            shard.Lock.Enter();
            try
            {
                ThrowIfClosed(shard);
                CheckShard(shard, faults);
                foreach (ref BlockRecord record in shard.Slots)
                {
                    if (record.Address == 0 || record.State == RecordState.Freed)
                    {
                        continue;
                    }

                    if (record.IsLive)
                    {
                        shard.Frees++;
                        CountLive(-record.Requested);
                        if (record.Place == RecordPlace.Pages)
                        {
                            pages.Add(record);
                        }
                    }

                    _stacks.Drop(record.Stack);
                    record.Stack = 0;
                    record.State = record.Place == RecordPlace.Pages ? RecordState.Quarantined : RecordState.Freed;
                }
            }
            finally
            {
                shard.Lock.Exit();
            }
        }

        WaitForLeaving();
        _quarantine.Clear();
        foreach (BlockRecord block in pages)
        {
            RetirePages(block);
        }

        Volatile.Write(ref _resettingThread, Environment.CurrentManagedThreadId);
        Inner.Reset();
    }

    /// <inheritdoc/>
    /// <remarks>The quarantine is checked and emptied first, since what it keeps nobody can give back.</remarks>
    public override long Trim()
    {
        CheckThread();
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
        long before = Inner.GetStatistics().BackedBytes;
        EmptyQuarantine();
        Inner.Trim();
        return Math.Max(0, before - Inner.GetStatistics().BackedBytes);
    }

    /// <inheritdoc/>
    /// <remarks>Where the allocator beneath is for one thread, so is this: another gets a <see cref="WrongThreadException"/>, and nothing has changed.</remarks>
    protected override void Dispose(bool disposing)
    {
        List<MemoryFaultRecord> faults = [];
        List<MemoryFaultRecord> leaks = [];
        long leakedBlocks = 0;
        long leakedBytes = 0;
        lock (_closing)
        {
            if (_disposed)
            {
                return;
            }

            CheckThread();
            foreach (BlockRecordTable.Shard shard in _records.Shards)
            {
                // From here on every call that comes to this shard finds it closed.
                shard.Lock.Enter();
                try
                {
                    CheckShard(shard, faults);
                    foreach (ref readonly BlockRecord record in shard.Slots)
                    {
                        if (record.Address != 0 && record.IsLive)
                        {
                            leakedBytes += record.Requested;
                            if (record.Place == RecordPlace.Pages)
                            {
                                AccountOf(record)?.Release(record.Requested);
                            }

                            if (++leakedBlocks <= MaxRecords)
                            {
                                leaks.Add(Describe(record, MemoryFault.Leak, "the block was allocated and not freed."));
                            }
                        }
                    }

                    shard.Close();
                }
                finally
                {
                    shard.Lock.Exit();
                }
            }

            _last = Snapshot().AfterDispose() with { LeakedBytes = leakedBytes, LeakedBlocks = leakedBlocks };
            Leaks = leaks;
            Volatile.Write(ref _disposed, true);
        }

        WaitForLeaving();
        _quarantine.Dispose();
        try
        {
            _pages?.Dispose();
        }
        finally
        {
            // Also when a handler of the budget's events threw.
            base.Dispose(disposing);
        }

        faults.ForEach(Report);
        leaks.ForEach(Report);
    }

    private AllocatorStatistics Snapshot()
    {
        AllocatorStatistics inner = Inner.GetStatistics();
        long allocations = 0;
        long frees = 0;

        // Frees first: counted the other way round, a block that goes through both meanwhile would make them more than the allocations.
        foreach (BlockRecordTable.Shard shard in _records.Shards)
        {
            frees += Volatile.Read(ref shard.Frees);
        }

        foreach (BlockRecordTable.Shard shard in _records.Shards)
        {
            allocations += Volatile.Read(ref shard.Allocations);
        }

        long live = Volatile.Read(ref _liveBytes);
        return inner with
        {
            ReservedBytes = inner.ReservedBytes + (_pages?.ReservedBytes ?? 0),
            CommittedBytes = inner.CommittedBytes + (_pages?.CommittedBytes ?? 0),
            PeakCommittedBytes = _pages is null ? inner.PeakCommittedBytes : Math.Min(inner.PeakCommittedBytes + _pages.PeakCommittedBytes, inner.LimitBytes),
            LiveBytes = live,
            RequestedBytes = live,
            PeakLiveBytes = Volatile.Read(ref _peakLiveBytes),
            LiveBlocks = allocations - frees,
            AllocationCount = allocations,
            FreeCount = frees,
            FailedAllocationCount = Volatile.Read(ref _failedAllocations),
            MetadataBytes = inner.MetadataBytes + _records.Bytes + _quarantine.MetadataBytes + (_pages?.MetadataBytes ?? 0),
        };
    }

    private IEnumerable<BlockInfo> Enumerate()
    {
        foreach (BlockRecord record in Snapshot(record => record.IsLive))
        {
            yield return new BlockInfo(record.Address, record.Requested, record.Requested, new OwnerId(record.Owner), AgeOf(record));
        }
    }

    /// <summary>The records that fulfil a condition, a shard at a time: a table may grow between two steps of whoever enumerates.</summary>
    private IEnumerable<BlockRecord> Snapshot(Func<BlockRecord, bool> condition)
    {
        List<BlockRecord> found = new(EnumerationBatch);
        for (int shard = 0; shard < _records.Shards.Length; shard++)
        {
            found.Clear();
            CopyFrom(_records.Shards[shard], condition, found);
            foreach (BlockRecord record in found)
            {
                yield return record;
            }
        }
    }

    private void CopyFrom(BlockRecordTable.Shard shard, Func<BlockRecord, bool> condition, List<BlockRecord> found)
    {
        shard.Lock.Enter();
        try
        {
            ThrowIfClosed(shard);
            foreach (ref readonly BlockRecord record in shard.Slots)
            {
                if (record.Address != 0 && condition(record))
                {
                    found.Add(record);
                }
            }
        }
        finally
        {
            shard.Lock.Exit();
        }
    }
}

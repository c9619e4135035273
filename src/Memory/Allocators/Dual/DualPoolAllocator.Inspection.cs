using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>What is there: statistics, profile, enumeration; and giving back: reset, trim, dispose.</summary>
public sealed unsafe partial class DualPoolAllocator
{
    private const string SmallName = "small";
    private const string BigName = "big";
    private const int EnumerationBatch = 256;

    private long _peakLiveBytes;
    private AllocatorStatistics _last;

    /// <summary>
    /// What was still live at dispose, with owner, size and, where allocations are tracked, file, line and time; empty before. At most <see cref="MaxLeakRecords"/> of them,
    /// the statistics count them all.
    /// </summary>
    public IReadOnlyList<MemoryFaultRecord> Leaks { get; private set; } = [];

    /// <summary>The most leaks that are recorded one by one.</summary>
    public const int MaxLeakRecords = 10_000;

    private long LiveBytesLocked => (_small.Live * (long)_smallUsable) + _big.LiveBytes;

    /// <summary>What was counted so far, to size the next instance by <see cref="DualPoolPlan.From"/>. Also after dispose.</summary>
    public DualPoolProfile GetProfile()
    {
        _lock.Enter();
        try
        {
            return new DualPoolProfile
            {
                SmallAllocations = _small.Allocations,
                BigAllocations = _big.Allocations,
                SmallFrees = _small.Frees,
                BigFrees = _big.Frees,
                SmallPeakUsage = _small.Peak,
                BigPeakUsage = _big.Peak,
                AllocationFailures = Volatile.Read(ref _failedAllocations),
                FragmentationEvents = Volatile.Read(ref _fragmentationEvents),
            };
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>How full the two pools are, the small one first.</summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public IReadOnlyList<DualPoolUsage> GetPools()
    {
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            return
            [
                new DualPoolUsage(DualPool.Small, SmallPool.ObjectBytes, _small.Capacity, _small.Live, _small.Peak, _small.CommittedBytes),
                new DualPoolUsage(DualPool.Big, BigPool.BlockBytes, _big.Capacity, _big.Live, _big.Peak, _big.CommittedBytes),
            ];
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <inheritdoc/>
    /// <remarks>After <see cref="MemoryAllocator.Dispose()"/>: the last statistics, with nothing committed or live and the objects that were still live as leaked.</remarks>
    public override AllocatorStatistics GetStatistics()
    {
        _lock.Enter();
        AllocatorStatistics statistics = _disposed ? _last : SnapshotLocked();
        _lock.Exit();
        return statistics;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<AllocatorGroup> GetGroups()
    {
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            return
            [
                new AllocatorGroup(AllocatorGroupKind.Zone, SmallName, _small.Live, _small.Live * (long)_smallUsable, _small.CountFree(), _small.CommittedBytes, _memory.LimitBytes - BigPool.ReservedBytes(_big.Capacity)),
                new AllocatorGroup(AllocatorGroupKind.Zone, BigName, _big.LiveRuns, _big.LiveBytes, _big.CountFreeRuns(), _big.CommittedBytes, BigPool.ReservedBytes(_big.Capacity)),
            ];
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <inheritdoc/>
    /// <remarks>The age is known where allocations are tracked.</remarks>
    public override IEnumerable<BlockInfo> EnumerateBlocks()
    {
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
        }
        finally
        {
            _lock.Exit();
        }

        return Enumerate();
    }

    /// <inheritdoc/>
    public override IEnumerable<MemoryExtent> EnumerateExtents()
    {
        List<MemoryExtent> extents = [];
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            _small.AddExtents(extents, SmallName);
            _big.AddExtents(extents, BigName);
        }
        finally
        {
            _lock.Exit();
        }

        return extents;
    }

    /// <summary>Lists what is live now as <see cref="Leaks"/> would, with file, line and time where allocations are tracked.</summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed; <see cref="Leaks"/> has what was live then.</exception>
    public IReadOnlyList<MemoryFaultRecord> GetLiveRecords()
    {
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            return RecordsLocked(int.MaxValue);
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            _memory.AwaitUses();
            _peakLiveBytes = Math.Max(_peakLiveBytes, LiveBytesLocked);
            _small.Reset();
            _big.Reset();
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <inheritdoc/>
    /// <remarks>Chunks of small objects and single big blocks without a live object are given back, neighbours at once.</remarks>
    public override long Trim()
    {
        long returned = 0;
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            returned = _small.Trim() + _big.Trim();
        }
        finally
        {
            _lock.Exit();
        }

        _memory.Refund(returned);
        return returned;
    }

    /// <inheritdoc/>
    protected internal override bool TryChargeBeside(long bytes) => _memory.TryCharge(bytes);

    /// <inheritdoc/>
    protected internal override void RefundBeside(long bytes) => _memory.Refund(bytes);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _lock.Enter();
        if (_disposed)
        {
            _lock.Exit();
            return;
        }

        try
        {
            _last = SnapshotLocked().AfterDispose();
            Leaks = RecordsLocked(MaxLeakRecords);

            // Nobody reads a table from here on: all who would hold the lock look at this first, and who zeroes a run is waited for.
            _disposed = true;
            _memory.EndUses();
            VirtualMemory.Release(_tables, _tablesBytes);
        }
        finally
        {
            _lock.Exit();
        }

        _memory.Dispose();
    }

    private AllocatorStatistics SnapshotLocked()
    {
        long live = LiveBytesLocked;
        _peakLiveBytes = Math.Max(_peakLiveBytes, live);
        return new AllocatorStatistics
        {
            ReservedBytes = _memory.ReservedBytes + (long)_tablesBytes,
            CommittedBytes = _memory.CommittedBytes,
            PeakCommittedBytes = _memory.PeakCommittedBytes,
            IdleBytes = _small.IdleBytes + _big.IdleBytes,
            LiveBytes = live,
            RequestedBytes = _small.RequestedBytes + _big.RequestedBytes,
            PeakLiveBytes = _peakLiveBytes,
            LimitBytes = _memory.LimitBytes,
            LiveBlocks = _small.Live + _big.LiveRuns,
            AllocationCount = _small.Allocations + _big.Allocations,
            FreeCount = _small.Frees + _big.Frees,
            FailedAllocationCount = Volatile.Read(ref _failedAllocations),
            MetadataBytes = _small.MetadataBytes + _big.MetadataBytes,
        };
    }

    private IEnumerable<BlockInfo> Enumerate()
    {
        BlockInfo[] batch = new BlockInfo[EnumerationBatch];
        DualPoolSlot next = new(DualPool.Small, 0);
        int found;
        while ((found = ListLive(ref next, batch)) > 0)
        {
            for (int i = 0; i < found; i++)
            {
                yield return batch[i];
            }
        }
    }

    /// <summary>Fills a batch with live objects from <paramref name="next"/> on, and moves that behind them; 0 at the end.</summary>
    private int ListLive(ref DualPoolSlot next, BlockInfo[] batch)
    {
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            DateTime now = DateTime.UtcNow;
            int count = 0;
            while (count < batch.Length && NextLiveLocked(ref next))
            {
                TimeSpan? age = _tracks ? TimeSpan.FromTicks(Math.Max(0, now.Ticks - StampLocked(next).UtcTicks)) : null;
                batch[count++] = new BlockInfo(AddressLocked(next), (long)RequestedLocked(next.Pool, next.Index), (long)UsableLocked(next.Pool, next.Index), OwnerLocked(next), age);
                next = next with { Index = next.Index + 1 };
            }

            return count;
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>Moves to the next live object, the one it is at included; false at the end.</summary>
    private bool NextLiveLocked(ref DualPoolSlot slot)
    {
        int index = slot.Index;
        if (slot.Pool == DualPool.Small)
        {
            int end = Math.Min(_small.Slots, _small.KnownChunks << SmallPool.ChunkShift);
            while (index < end)
            {
                // Chunks without a live object are stepped over.
                if ((index & (SmallPool.ChunkSlots - 1)) == 0 && _small.State(index >> SmallPool.ChunkShift)->Live == 0)
                {
                    index += SmallPool.ChunkSlots;
                }
                else if (SmallWord.IsLive(_small.WordOf(index)))
                {
                    slot = new DualPoolSlot(DualPool.Small, index);
                    return true;
                }
                else
                {
                    index++;
                }
            }

            index = 0;
        }

        index = _big.NextLive(index);
        slot = new DualPoolSlot(DualPool.Big, index < 0 ? _big.Capacity : index);
        return index >= 0;
    }

    private nint AddressLocked(DualPoolSlot slot) => slot.Pool == DualPool.Small ? _small.AddressOf(slot.Index) : _big.AddressOf(slot.Index);

    private OwnerId OwnerLocked(DualPoolSlot slot) => slot.Pool == DualPool.Small ? SmallWord.Owner(_small.WordOf(slot.Index)) : new OwnerId(_big.RecordOf(slot.Index)->Owner);

    private AllocationStamp StampLocked(DualPoolSlot slot) => slot.Pool == DualPool.Small ? _small.StampOf(slot.Index) : _big.StampOf(slot.Index);

    private List<MemoryFaultRecord> RecordsLocked(int most)
    {
        List<MemoryFaultRecord> records = [];
        for (DualPoolSlot slot = new(DualPool.Small, 0); records.Count < most && NextLiveLocked(ref slot); slot = slot with { Index = slot.Index + 1 })
        {
            records.Add(Describe(slot.Pool, slot.Index, MemoryFault.Leak, "the object was allocated and not freed."));
        }

        return records;
    }
}

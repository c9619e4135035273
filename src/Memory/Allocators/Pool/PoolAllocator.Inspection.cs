using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>What is there: look-ups, statistics, enumeration; and giving back: reset, trim, dispose.</summary>
public sealed unsafe partial class PoolAllocator
{
    private const int EnumerationBatch = 256;

    private AllocatorStatistics _last;

    /// <summary>Each pool's state, in the order of block sizes.</summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public IReadOnlyList<PoolUsage> GetPools()
    {
        PoolUsage[] usage = new PoolUsage[_pools.Length];
        lock (_lock)
        {
            ThrowIfDisposed();
            for (int i = 0; i < usage.Length; i++)
            {
                (long allocated, long freed) = CountLocked(i);
                usage[i] = new PoolUsage(_pools[i].BlockBytes, _pools[i].CapacityBytes, _pools[i].CommittedBytes, allocated - freed);
            }
        }

        return usage;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// After <see cref="MemoryAllocator.Dispose()"/>: the last statistics, with nothing committed or live and the blocks that were still live as leaked.
    /// Reads a word per committed block, which takes some microseconds for ten thousand blocks; <see cref="Usage"/> does not.
    /// </remarks>
    public override AllocatorStatistics GetStatistics()
    {
        lock (_lock)
        {
            return _disposed ? _last : SurveyLocked();
        }
    }

    /// <inheritdoc/>
    /// <remarks>A size class per pool.</remarks>
    public override IReadOnlyList<AllocatorGroup> GetGroups()
    {
        AllocatorGroup[] groups = new AllocatorGroup[_pools.Length];
        lock (_lock)
        {
            ThrowIfDisposed();
            for (int i = 0; i < groups.Length; i++)
            {
                BlockPool pool = _pools[i];
                (long allocated, long freed) = CountLocked(i);
                long live = allocated - freed;
                groups[i] = new AllocatorGroup(AllocatorGroupKind.SizeClass, pool.Name, live, live * pool.BlockBytes, Math.Max(0, pool.CommittedBlocks() - live), pool.CommittedBytes, pool.CapacityBytes);
            }
        }

        return groups;
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockInfo> EnumerateBlocks()
    {
        lock (_lock)
        {
            ThrowIfDisposed();
        }

        return Enumerate();
    }

    /// <inheritdoc/>
    public override IEnumerable<MemoryExtent> EnumerateExtents()
    {
        List<MemoryExtent> extents = [];
        lock (_lock)
        {
            ThrowIfDisposed();
            foreach (BlockPool pool in _pools)
            {
                pool.AddExtents(extents);
            }
        }

        return extents;
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            StopThreadsLocked();
            _uses.Await();
            RaisePeakLocked();
            for (int i = 0; i < _pools.Length; i++)
            {
                FlushAllLocked(i);
                _pools[i].ResetBlocks();
            }

            LetThreadsGoLocked();
        }
    }

    /// <inheritdoc/>
    /// <remarks>Whole free chunks are given back, after the free blocks of every thread's magazine were gathered, and the budget is relieved of them.</remarks>
    public override long Trim()
    {
        long returned = 0;
        lock (_lock)
        {
            ThrowIfDisposed();
            StopThreadsLocked();
            for (int i = 0; i < _pools.Length; i++)
            {
                FlushAllLocked(i);
                returned += _pools[i].DecommitFreeChunks();
            }

            _committedBytes -= returned;
            LetThreadsGoLocked();
        }

        if (returned > 0)
        {
            _budget?.Release(returned);
        }

        return returned;
    }

    /// <inheritdoc/>
    protected internal override bool TryChargeBeside(long bytes)
    {
        // The budget raises events, so it is asked outside the lock.
        if (_budget is not null && !_budget.TryCharge(bytes))
        {
            return false;
        }

        bool fits;
        lock (_lock)
        {
            fits = !_disposed && bytes <= RoomLocked;
            _besideBytes += fits ? bytes : 0;
        }

        if (!fits)
        {
            _budget?.Release(bytes);
        }

        return fits;
    }

    /// <inheritdoc/>
    protected internal override void RefundBeside(long bytes)
    {
        lock (_lock)
        {
            _besideBytes -= bytes;
        }

        _budget?.Release(bytes);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        long committed;
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            // From here on no thread enters its cache, and none is in it: nobody reads a table that is about to be unmapped.
            _disposed = true;
            StopThreadsLocked();
            _last = SnapshotLocked().AfterDispose();
            committed = _committedBytes;
            _committedBytes = 0;
            _uses.Close();
            VirtualMemory.Release(_reservation, (nuint)_reservedBytes);
        }

        if (committed > 0)
        {
            _budget?.Release(committed);
        }
    }

    private IEnumerable<BlockInfo> Enumerate()
    {
        BlockInfo[] batch = new BlockInfo[EnumerationBatch];
        for (int pool = 0; pool < _pools.Length; pool++)
        {
            uint block = 0;
            int found;
            do
            {
                found = LiveBlocks(pool, ref block, batch);
                for (int i = 0; i < found; i++)
                {
                    yield return batch[i];
                }
            }
            while (found == batch.Length);
        }
    }

    private int LiveBlocks(int index, ref uint block, BlockInfo[] found)
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            BlockPool pool = _pools[index];
            int count = 0;
            for (; block < pool.KnownBlocks && count < found.Length; block++)
            {
                ulong word = Volatile.Read(ref pool.Words[block]);
                if (BlockWord.IsLive(word))
                {
                    found[count++] = new BlockInfo(pool.Blocks + (nint)((nuint)block << pool.BlockShift), (long)BlockWord.Requested(word), pool.BlockBytes, BlockWord.Owner(word), Age: null);
                }
            }

            return count;
        }
    }

    /// <summary>The word of the block that starts at an address, and where it is; a fresh word and pool −1 when none starts there.</summary>
    private ulong ReadWord(nint address, out int index, out uint block)
    {
        ThreadCache? cache = ThreadCache.Current;
        if (cache is not null && cache.TryEnter(_id))
        {
            ulong word = ReadWordLocked(address, out index, out block);
            cache.Exit();
            return word;
        }

        lock (_lock)
        {
            ThrowIfDisposed();
            return ReadWordLocked(address, out index, out block);
        }
    }

    /// <summary>Like <see cref="ReadWord"/>, for whoever holds the lock or is inside its cache, so that the tables stay where they are.</summary>
    private ulong ReadWordLocked(nint address, out int index, out uint block)
    {
        index = -1;
        block = 0;
        nuint offset = (nuint)address - (nuint)_blocks;
        if (offset >= _blocksBytes)
        {
            return BlockWord.Fresh;
        }

        BlockPool pool = _pools[(int)(offset >> _strideShift)];
        nuint inPool = offset & (((nuint)1 << _strideShift) - 1);
        nuint number = inPool >> pool.BlockShift;
        if (number << pool.BlockShift != inPool || number >= pool.KnownBlocks)
        {
            return BlockWord.Fresh;
        }

        index = (int)(offset >> _strideShift);
        block = (uint)number;
        return Volatile.Read(ref pool.Words[number]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private MemoryFaultException FaultAt(nint address)
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            return FaultLocked(address);
        }
    }

    /// <summary>Says what is wrong with an address that is not a live block.</summary>
    private MemoryFaultException FaultLocked(nint address)
    {
        nuint offset = (nuint)address - (nuint)_blocks;
        BlockPool? pool = offset < _blocksBytes ? _pools[(int)(offset >> _strideShift)] : null;
        nuint inPool = offset & (((nuint)1 << _strideShift) - 1);
        if (pool is null || inPool >= (nuint)pool.CapacityBytes)
        {
            return new MemoryFaultException(Name, MemoryFault.ForeignFree, address, 0, OwnerId.None, "the address does not lie in this allocator's pools. Give it back where it came from.");
        }

        nuint block = inPool >> pool.BlockShift;
        ulong word = block < pool.KnownBlocks ? Volatile.Read(ref pool.Words[block]) : BlockWord.Fresh;
        nuint into = inPool - (block << pool.BlockShift);
        if (into != 0 && word != BlockWord.Fresh)
        {
            string state = BlockWord.IsLive(word) ? "live" : "free";
            return new MemoryFaultException(Name, MemoryFault.NotABlockStart, address, (long)BlockWord.Requested(word), BlockWord.Owner(word), $"the address lies {into:N0} bytes into the {state} block at 0x{address - (nint)into:x}. Use the address that was handed out.");
        }

        return word == BlockWord.Fresh
            ? new MemoryFaultException(Name, MemoryFault.NotABlockStart, address, 0, OwnerId.None, $"the address lies in the pool of {pool.BlockBytes:N0}-byte blocks, but no block was handed out there yet.")
            : new MemoryFaultException(Name, MemoryFault.DoubleFree, address, (long)BlockWord.Requested(word), BlockWord.Owner(word), "the block is free already. Size and owner are those of its last life.");
    }

    /// <summary>Allocations and frees of one pool. Frees are read first, so that the difference is hardly ever negative while threads run.</summary>
    private (long Allocated, long Freed) CountLocked(int index)
    {
        long freed = _pools[index].FreedByReset;
        long allocated = 0;
        foreach (ThreadCache? cache in _caches)
        {
            freed += cache is null ? 0 : Volatile.Read(ref cache.MagazineOf(index)->Freed);
        }

        foreach (ThreadCache? cache in _caches)
        {
            allocated += cache is null ? 0 : cache.MagazineOf(index)->Allocated;
        }

        return (Math.Max(allocated, freed), freed);
    }

    private void RaisePeakLocked()
    {
        // What is neither in the depot nor uncommitted is at most live; only when that is a new height is it worth adding up exactly.
        long outside = 0;
        foreach (BlockPool pool in _pools)
        {
            outside += pool.CommittedBytes - (pool.DepotCount * pool.BlockBytes);
        }

        if (outside > _peakLiveBytes)
        {
            SnapshotLocked();
        }
    }

    private AllocatorStatistics SurveyLocked()
    {
        long requested = 0;
        long idle = 0;
        foreach (BlockPool pool in _pools)
        {
            pool.Survey(ref requested, ref idle);
        }

        // Words and counters change one after the other while threads run, and what is asked for is never more than what is used.
        AllocatorStatistics counters = SnapshotLocked();
        return counters with { RequestedBytes = Math.Min(requested, counters.LiveBytes), IdleBytes = Math.Min(idle, counters.CommittedBytes - counters.LiveBytes) };
    }

    /// <summary>The counters alone, without looking at any block.</summary>
    private AllocatorStatistics SnapshotLocked()
    {
        long allocated = 0;
        long freed = 0;
        long liveBytes = 0;
        long metadata = 0;
        for (int i = 0; i < _pools.Length; i++)
        {
            (long poolAllocated, long poolFreed) = CountLocked(i);
            allocated += poolAllocated;
            freed += poolFreed;
            liveBytes += (poolAllocated - poolFreed) * _pools[i].BlockBytes;
            metadata += _pools[i].TableBytes;
        }

        foreach (ThreadCache? cache in _caches)
        {
            metadata += cache?.MetadataBytes ?? 0;
        }

        _peakLiveBytes = Math.Max(_peakLiveBytes, liveBytes);
        return new AllocatorStatistics
        {
            ReservedBytes = _reservedBytes,
            CommittedBytes = _committedBytes,
            PeakCommittedBytes = _peakCommittedBytes,
            LiveBytes = liveBytes,
            RequestedBytes = liveBytes,
            PeakLiveBytes = _peakLiveBytes,
            LimitBytes = _limitBytes,
            LiveBlocks = allocated - freed,
            AllocationCount = allocated,
            FreeCount = freed,
            FailedAllocationCount = Volatile.Read(ref _failedAllocations),
            MetadataBytes = metadata,
        };
    }
}

using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace DimensionStore.Memory;

/// <summary>Pressure, and the collection that it leads to.</summary>
public sealed unsafe partial class SegregatedAllocator
{
    // What an ordinary collection leaves committed, so that the next requests need not ask the system again.
    private const long KeptIdleBytes = 1 << 20;

    private readonly PressureThresholds _thresholds;
    private long _collectionThreshold;
    private long _freesCollected;
    private PressureLevel _level;
    private long _pressureFrom;
    private ulong _pressureSpan;

    // Critical pressure gives idle memory back once, and again after live bytes have been below this. A program whose live bytes hover at the line would otherwise pay for giving memory
    // back and committing it again with every few requests. A tenth of the capacity below the line: what is idle at 95 % is a twentieth at most, so no more goes back than half of what
    // the program freed meanwhile. Rejected: a least interval, which makes what a program does depend on the clock.
    private const double PercentToFall = 10;
    private readonly long _givesBackBelow;
    private bool _hasGivenBack;

    /// <summary>
    /// Raised on the allocating or freeing thread, after the fact and outside the lock, when live bytes reach another level. A handler must not throw.
    /// The specification's warning is <see cref="PressureLevel.Eviction"/> ("high"); at <see cref="PressureLevel.Critical"/> what is unreferenced has been collected before the event,
    /// and idle memory given back if live bytes have been a tenth of the capacity below that level since it was last.
    /// </summary>
    public event EventHandler<PressureChangedEventArgs>? PressureChanged;

    /// <summary>The pressure now.</summary>
    public PressureLevel Pressure => LevelOf(LiveGranules);

    /// <summary>Live bytes in percent of the capacity, 0 to 100.</summary>
    public double UsagePercent => LiveGranules * (100.0 * (1 << GranuleShift)) / CapacityBytes;

    /// <summary>Frees after which <see cref="ShouldCollect"/> is true.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public long CollectionThreshold
    {
        get => Volatile.Read(ref _collectionThreshold);
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            Volatile.Write(ref _collectionThreshold, value);
        }
    }

    /// <summary>Whether so many blocks were freed since the last collection that another is worth while.</summary>
    public bool ShouldCollect
    {
        get
        {
            TakeInFreed();
            return _heap.Frees - Volatile.Read(ref _freesCollected) >= CollectionThreshold;
        }
    }

    private long LiveGranules
    {
        get
        {
            TakeInFreed();
            return _heap.LiveGranules;
        }
    }

    /// <summary>
    /// Collects: frees what is unreferenced and gives idle memory back but for 1 MiB. A block that somebody may still use is never touched.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public CollectionResult Collect() => Collect(null, 0, KeptIdleBytes);

    /// <summary>Collects like <see cref="Collect()"/>, and gives all idle memory back.</summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public CollectionResult ForceCollect() => Collect(null, 0, 0);

    /// <summary>Sets <see cref="CollectionThreshold"/>, by the specification's name.</summary>
    public void SetThreshold(long freedBlocks) => CollectionThreshold = freedBlocks;

    /// <summary>Collects what is unreferenced of one owner or all, if they use at least so much, and gives back idle memory but for so much.</summary>
    /// <param name="only">The one owner; null for all.</param>
    /// <param name="leastBytes">What an owner uses at least.</param>
    /// <param name="keepIdleBytes">Idle bytes to keep; <see cref="long.MaxValue"/> for all.</param>
    /// <param name="asked">Whether a caller asked for it, who is told what a callback threw. Otherwise a request led to it, which must not fail for that.</param>
    /// <exception cref="UnknownOwnerException">The ledger does not know the one owner.</exception>
    internal CollectionResult Collect(OwnerId? only, long leastBytes, long keepIdleBytes, bool asked = true)
    {
        if (only is { } owner)
        {
            ThrowIfDisposed();
            _owners.KnownAccountOf(owner, Name);
        }

        long start = Stopwatch.GetTimestamp();
        (long blocks, long bytes, int owners) = FreeUnreferenced(only, leastBytes, out Exception? error);
        BiasedLock.Record? entered = _lock.Enter();
        _heap.TakeIn(int.MaxValue);
        long deallocated = _heap.Frees - _freesCollected;
        Volatile.Write(ref _freesCollected, _heap.Frees);
        _lock.Exit(entered);
        long returned = keepIdleBytes == long.MaxValue ? 0 : ReturnIdle(keepIdleBytes);
        CollectionResult result = new()
        {
            FreedBlocks = deallocated,
            ReclaimedBlocks = blocks,
            ReclaimedBytes = bytes,
            ReturnedBytes = returned,
            OwnersCleaned = owners,
            Duration = Stopwatch.GetElapsedTime(start),
        };
        Observer?.OnCollected(this, result.FreedBlocks, result.ReclaimedBytes + result.ReturnedBytes, result.Duration);
        for (AllocatorLayer? around = Layer; around is not null; around = around.Layer)
        {
            around.NoteCollected(result);
        }

        if (error is not null && asked)
        {
            ExceptionDispatchInfo.Throw(error);
        }

        return result;
    }

    /// <summary>What is done before a request fails. False when it changed nothing.</summary>
    private bool MakeRoom()
    {
        CollectionResult result = Collect(null, 0, 0, asked: false);
        return result.ReclaimedBlocks > 0 || result.ReturnedBytes > 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckPressure()
    {
        if ((ulong)(_heap.LiveGranules - _pressureFrom) >= _pressureSpan)
        {
            ChangePressure();
        }
    }

    private PressureLevel LevelOf(long granules) => _thresholds.LevelOf(granules << GranuleShift, CapacityBytes);

    /// <summary>Raises events until the level raised last is that of the live bytes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ChangePressure()
    {
        while (true)
        {
            BiasedLock.Record? entered;
            try
            {
                entered = _lock.Enter();
            }
            catch (ObjectDisposedException)
            {
                // Disposed by another thread after this one's request was done.
                return;
            }

            _heap.TakeIn(int.MaxValue);
            long granules = _heap.LiveGranules;
            PressureLevel level = LevelOf(granules);
            PressureLevel previous = _level;
            bool hadGivenBack = _hasGivenBack;
            _level = level;
            _hasGivenBack = level == PressureLevel.Critical || (hadGivenBack && granules >= _givesBackBelow);
            if (level != previous || _hasGivenBack != hadGivenBack)
            {
                SetPressureBounds(level);
            }

            _lock.Exit(entered);
            if (level == previous)
            {
                return;
            }

            if (level == PressureLevel.Critical)
            {
                CollectAtCritical(givesBack: !hadGivenBack);
            }

            PressureChanged?.Invoke(this, new PressureChangedEventArgs(previous, level, granules << GranuleShift, CapacityBytes));
            Observer?.OnPressureChanged(this, previous, level, granules * (100.0 * (1 << GranuleShift)) / CapacityBytes);
        }
    }

    /// <summary>Collects what is unreferenced, which a crossing with nothing of the kind does not become a collection for, and gives idle memory back where that is due.</summary>
    private void CollectAtCritical(bool givesBack)
    {
        if (givesBack || _owners.MayOneHaveEnded || Volatile.Read(ref _collectables) is not null)
        {
            Collect(null, 0, givesBack ? 0 : long.MaxValue, asked: false);
        }
    }

    /// <summary>Sets the range of live granules in which nothing changes.</summary>
    private void SetPressureBounds(PressureLevel level)
    {
        _pressureFrom = level == PressureLevel.Normal ? 0 : FirstOf(level);
        if (_hasGivenBack && level != PressureLevel.Critical)
        {
            _pressureFrom = Math.Max(_pressureFrom, _givesBackBelow);
        }

        _pressureSpan = level == PressureLevel.Critical ? ulong.MaxValue >> 1 : (ulong)(FirstAbove(level) - _pressureFrom);
    }

    // Levels may share a threshold, so the next one up is the one that a granule more leads to.
    private long FirstAbove(PressureLevel level)
    {
        long first = long.MaxValue;
        for (PressureLevel above = level + 1; above <= PressureLevel.Critical; above++)
        {
            first = Math.Min(first, FirstOf(above));
        }

        return first;
    }

    /// <summary>The fewest granules at which a level or a higher one holds: by bisection, so that it is exactly where <see cref="PressureThresholds.LevelOf"/> says.</summary>
    private long FirstOf(PressureLevel level)
    {
        long low = 0;
        long high = _capacityBytes >> GranuleShift;
        while (low < high)
        {
            long middle = (low + high) / 2;
            if (LevelOf(middle) >= level)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }
}

namespace DimensionStore.Memory;

/// <summary>Collects over the owners of a <see cref="SegregatedAllocator"/>: by strategy when told to, and by itself when memory gets short. Thread-safe.</summary>
public sealed class GlobalCollector
{
    private const double AutoCollectPercent = 80;

    private readonly SegregatedAllocator _allocator;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private long _thresholdBytes = 50L << 20;
    private long _lastRun;
    private bool _hasRun;
    private long _runs;

    /// <summary>Creates a collector.</summary>
    /// <param name="allocator">Where it collects.</param>
    /// <param name="time">The clock for <see cref="MinimumInterval"/>; the system's by default.</param>
    public GlobalCollector(SegregatedAllocator allocator, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        _allocator = allocator;
        _time = time ?? TimeProvider.System;
    }

    /// <summary>The least time between two automatic collections.</summary>
    public static TimeSpan MinimumInterval { get; } = TimeSpan.FromSeconds(5);

    /// <summary>From how many bytes on <see cref="CollectionStrategy.DefaultThreshold"/> collects from an owner: 50 MiB by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public long ThresholdBytes
    {
        get => Volatile.Read(ref _thresholdBytes);
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            Volatile.Write(ref _thresholdBytes, value);
        }
    }

    /// <summary>Collections so far.</summary>
    public long RunCount => Volatile.Read(ref _runs);

    /// <summary>Whether <see cref="AutoCollect"/> would collect now: at least 80 % of the capacity live, and <see cref="MinimumInterval"/> since the last collection of any kind.</summary>
    public bool ShouldCollect
    {
        get
        {
            lock (_lock)
            {
                return IsDue() && IsShort();
            }
        }
    }

    /// <summary>Sets <see cref="ThresholdBytes"/>, by the specification's name.</summary>
    public void SetThreshold(long bytes) => ThresholdBytes = bytes;

    /// <summary>Collects now.</summary>
    /// <exception cref="UnknownOwnerException">The strategy is for one owner, and the allocator's ledger does not know it.</exception>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public CollectorStatistics Collect(CollectionStrategy strategy)
    {
        ArgumentNullException.ThrowIfNull(strategy);
        lock (_lock)
        {
            Note();
        }

        long start = _time.GetTimestamp();
        Interlocked.Increment(ref _runs);
        CollectionResult result = _allocator.Collect(strategy.Owner, strategy.UsesDefaultThreshold ? ThresholdBytes : strategy.LeastBytes, strategy.ReturnsMemory ? 0 : long.MaxValue);
        return new CollectorStatistics
        {
            Strategy = strategy,
            FreedBytes = result.ReclaimedBytes,
            FreedBlocks = result.ReclaimedBlocks,
            OwnersCleaned = result.OwnersCleaned,
            ReturnedBytes = result.ReturnedBytes,
            Duration = _time.GetElapsedTime(start),
        };
    }

    /// <summary>
    /// Collects with <see cref="CollectionStrategy.Global"/> when <see cref="ShouldCollect"/>; otherwise null, also once the allocator is disposed. Cheap to call often. Of several
    /// threads, one collects.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed meanwhile.</exception>
    public CollectorStatistics? AutoCollect()
    {
        lock (_lock)
        {
            if (!IsDue() || !IsShort())
            {
                return null;
            }

            Note();
        }

        return Collect(CollectionStrategy.Global);
    }

    private bool IsDue() => !_hasRun || _time.GetElapsedTime(_lastRun) >= MinimumInterval;

    private bool IsShort() => _allocator.UsagePercent >= AutoCollectPercent;

    private void Note()
    {
        _lastRun = _time.GetTimestamp();
        _hasRun = true;
    }
}

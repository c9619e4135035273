using System.Diagnostics;

namespace DimensionStore.Memory;

/// <summary>Pressure by the specification's three thresholds, and latency by its two limits.</summary>
public sealed partial class TreeZoneAllocator
{
    /// <summary>Percent of external fragmentation above which pressure of cause 1 is raised.</summary>
    public const double FragmentationThresholdPercent = 15;

    /// <summary>Percent of overhead above which pressure of cause 2 is raised.</summary>
    public const double OverheadThresholdPercent = 8;

    /// <summary>Percent of use above which pressure of cause 3 is raised.</summary>
    public const double UseThresholdPercent = 90;

    private const int PressureMask = 255;

    // A cause is raised again only after it fell this far below its threshold, so that an allocator at the threshold does not call its handlers all the time.
    private const double RearmFactor = 0.9;

    // Shares of next to nothing say nothing: a first block of 16 bytes has an overhead of some thousand percent.
    private const long JudgedBytes = 1 << 20;

    private readonly Lock _pressureLock = new();
    private int _raisedCauses;
    private long _latencyExceededCount;

    /// <summary>
    /// Raised once when a threshold is passed, and again after the value fell a tenth below it (<c>dtesn_mem_pressure_callback</c>). Use is looked at with every allocation; fragmentation and
    /// overhead when memory is committed and with every 256th operation of a zone, once the allocator uses 1 MiB or an eighth of its capacity. Raised on the thread that noticed, while no lock is held: a handler may
    /// allocate, free, trim and defragment. It must not throw; if it does during an allocation, the block is given back and the caller gets the error.
    /// </summary>
    public event EventHandler<TreePressureEventArgs>? PressureRaised;

    /// <summary>
    /// With <see cref="TreeZoneOptions.WatchLatency"/>: raised when an operation took longer than its limit (<see cref="TreeZoneError.LatencyExceeded"/>). An event and not an exception, because the operation is done
    /// and an exception would lose the block. The time is that from the choice of a level to the end of the work, waiting for the lock and the operating system included.
    /// </summary>
    public event EventHandler<LatencyExceededEventArgs>? LatencyExceeded;

    /// <summary>Operations that took longer than their limit, while <see cref="TreeZoneOptions.WatchLatency"/> is on.</summary>
    public long LatencyExceededCount => Volatile.Read(ref _latencyExceededCount);

    private bool IsUseNewlyHigh => _liveBytes > _capacityBytes / 100 * UseThresholdPercent && (Volatile.Read(ref _raisedCauses) & (1 << (int)TreePressureCause.Use)) == 0;

    /// <summary>Registers a callback that gets the specification's number of the cause: 1 fragmentation, 2 overhead, 3 use. The same as <see cref="PressureRaised"/>.</summary>
    public void AddPressureCallback(Action<int> callback)
    {
        ArgumentNullException.ThrowIfNull(callback);
        PressureRaised += (_, e) => callback((int)e.Cause);
    }

    /// <summary>Looks at the three thresholds now and raises what is newly above.</summary>
    public void CheckPressure()
    {
        long committed = 0;
        long live = 0;
        foreach (TreeZone zone in _zones)
        {
            // Without the locks: the sums may be a few operations apart, and the next look puts that right.
            committed += (zone.CommittedLeaves - zone.IdleLeaves) * LeafMap.LeafBytes;
            live += zone.LiveGranules << LeafMap.GranuleShift;
        }

        bool judged = Math.Max(committed, live) >= Math.Min(JudgedBytes, _capacityBytes / 8);
        double fragmentation = judged && committed > 0 ? 100 * (1 - ((double)live / committed)) : 0;
        double overhead = judged && live > 0 ? 100.0 * MetadataBytes / live : 0;
        double use = 100.0 * live / _capacityBytes;
        int newly;
        lock (_pressureLock)
        {
            int causes = Above(TreePressureCause.Fragmentation, fragmentation, FragmentationThresholdPercent)
                | Above(TreePressureCause.Overhead, overhead, OverheadThresholdPercent)
                | Above(TreePressureCause.Use, use, UseThresholdPercent);
            newly = causes & ~_raisedCauses;
            Volatile.Write(ref _raisedCauses, causes);
        }

        if (newly != 0)
        {
            Raise(newly, TreePressureCause.Fragmentation, fragmentation);
            Raise(newly, TreePressureCause.Overhead, overhead);
            Raise(newly, TreePressureCause.Use, use);
        }
    }

    private int Above(TreePressureCause cause, double percent, double threshold)
    {
        int bit = 1 << (int)cause;
        return percent > ((_raisedCauses & bit) != 0 ? threshold * RearmFactor : threshold) ? bit : 0;
    }

    private void Raise(int newly, TreePressureCause cause, double percent)
    {
        if ((newly & (1 << (int)cause)) != 0)
        {
            PressureRaised?.Invoke(this, new TreePressureEventArgs(cause, percent));
        }
    }

    private void WatchLatency(TreeZoneOperation operation, nint address, long ticks, TimeSpan limit)
    {
        if (!_options.WatchLatency)
        {
            return;
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(0, ticks);
        if (elapsed > limit)
        {
            Interlocked.Increment(ref _latencyExceededCount);
            LatencyExceeded?.Invoke(this, new LatencyExceededEventArgs(operation, address, elapsed, limit));
        }
    }
}

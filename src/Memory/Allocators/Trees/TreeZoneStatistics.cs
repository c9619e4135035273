namespace DimensionStore.Memory;

/// <summary>The nine fields of the specification's <c>dtesn_memory_stats_t</c>. <see cref="MemoryAllocator.GetStatistics"/> has more.</summary>
public readonly record struct TreeZoneStatistics
{
    /// <summary>Usable bytes in live blocks.</summary>
    public long TotalAllocatedBytes { get; init; }

    /// <summary>Bytes that may still be allocated: the smaller of what is not allocated in the zones and what the limit leaves.</summary>
    public long TotalFreeBytes { get; init; }

    /// <summary>Highest <see cref="TotalAllocatedBytes"/> so far.</summary>
    public long PeakUsageBytes { get; init; }

    /// <summary>Allocations so far.</summary>
    public long AllocationCount { get; init; }

    /// <summary>Frees so far.</summary>
    public long DeallocationCount { get; init; }

    /// <summary>External fragmentation in percent, 0 to 100, as <see cref="AllocatorStatistics.ExternalFragmentation"/> defines it.</summary>
    public int FragmentationPercent { get; init; }

    /// <summary>Bookkeeping in percent of the live bytes, 0 while nothing is live.</summary>
    public int OverheadPercent { get; init; }

    /// <summary>Mean time of an allocation in nanoseconds, of those that were timed; 0 when none was.</summary>
    public long AverageAllocationNanoseconds { get; init; }

    /// <summary>Mean time of a free in nanoseconds, of those that were timed; 0 when none was.</summary>
    public long AverageFreeNanoseconds { get; init; }
}

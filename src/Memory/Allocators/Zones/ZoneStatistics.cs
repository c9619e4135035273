namespace DimensionStore.Memory;

/// <summary>One zone of a <see cref="ZoneAllocator"/>. Pages are the system's; page frames are numbered from the start of the reservation.</summary>
public readonly record struct ZoneStatistics
{
    /// <summary>Which zone.</summary>
    public ZoneType Type { get; init; }

    /// <summary>First page frame.</summary>
    public long StartFrame { get; init; }

    /// <summary>The page frame behind the last.</summary>
    public long EndFrame { get; init; }

    /// <summary>Address of the first page frame.</summary>
    public nint StartAddress { get; init; }

    /// <summary>Pages in the zone.</summary>
    public long TotalPages { get; init; }

    /// <summary>Bytes that are in no block, committed or not, in pages; what is left of the last page is not counted.</summary>
    public long FreePages { get; init; }

    /// <summary>Pages below which only emergency requests are served.</summary>
    public long WatermarkMinPages { get; init; }

    /// <summary>Pages below which requests go to the next zone if that has more, and reclaiming is asked for.</summary>
    public long WatermarkLowPages { get; init; }

    /// <summary>Pages above which the zone has recovered.</summary>
    public long WatermarkHighPages { get; init; }

    /// <summary>Pages kept from requests that could have been served by the highest zone, on top of the watermarks.</summary>
    public long ReservePages { get; init; }

    /// <summary>Where it stands.</summary>
    public ZonePressure Pressure { get; init; }

    /// <summary>Live blocks.</summary>
    public long LiveBlocks { get; init; }

    /// <summary>Usable bytes in them.</summary>
    public long LiveBytes { get; init; }

    /// <summary>Committed bytes.</summary>
    public long CommittedBytes { get; init; }

    /// <summary>The largest block that could be handed out, watermarks aside.</summary>
    public long LargestFreeBytes { get; init; }

    /// <summary>Blocks served from this zone so far.</summary>
    public long AllocationCount { get; init; }

    /// <summary>Of these, the ones that were asked of a higher zone.</summary>
    public long FallbackCount { get; init; }

    /// <summary>Requests for this zone that failed.</summary>
    public long FailureCount { get; init; }

    /// <summary>How often the zone fell below its low watermark.</summary>
    public long LowCount { get; init; }
}

namespace DimensionStore.Memory;

/// <summary>What an allocator made of a trace. Times are of passes that write the first byte of each block; sizes are of one pass, made before them, that writes every byte.</summary>
public sealed record TraceReplayResult
{
    /// <summary>Name of the allocator.</summary>
    public required string Allocator { get; init; }

    /// <summary>Records of the trace, each one operation.</summary>
    public required long Operations { get; init; }

    /// <summary>
    /// Median over the passes of the time a pass takes, divided by <see cref="Operations"/>; with several threads, of the time from the first one's begin to the last one's
    /// end. The replay's own cost, <see cref="ReplayOverheadNs"/>, is in it. NaN without timed passes, and for a trace without operations.
    /// </summary>
    public required double NsPerOperation { get; init; }

    /// <summary>The fastest pass, likewise.</summary>
    public required double FastestNsPerOperation { get; init; }

    /// <summary>Nanoseconds per operation of the same passes with an allocator that does nothing.</summary>
    public required double ReplayOverheadNs { get; init; }

    /// <summary>Passes that were timed.</summary>
    public required int TimedPasses { get; init; }

    /// <summary>Threads that replayed: those of the trace, or 1 where the allocator is not thread-safe.</summary>
    public required int Threads { get; init; }

    /// <summary>Threads of the trace.</summary>
    public required int TraceThreads { get; init; }

    /// <summary>Most objects live at once.</summary>
    public required long PeakLiveObjects { get; init; }

    /// <summary>Most bytes live at once, as asked for.</summary>
    public required long PeakLiveBytes { get; init; }

    /// <summary>The most the allocator had committed at any time in the measuring pass, as its statistics say.</summary>
    public required long PeakCommittedBytes { get; init; }

    /// <summary>
    /// Main memory that the allocator held at the peak's record: the resident pages of its extents, asked of the operating system, and its bookkeeping. Bookkeeping that lies
    /// inside the extents is counted twice, so the figure is rather too high. Null where the system does not tell.
    /// </summary>
    public required long? PeakResidentBytes { get; init; }

    /// <summary>At the peak's record: the part of the live blocks' usable bytes that the program did not ask for, 0 to 1.</summary>
    public required double InternalFragmentation { get; init; }

    /// <summary>At the peak's record: <see cref="AllocatorStatistics.ExternalFragmentation"/>.</summary>
    public required double ExternalFragmentation { get; init; }

    /// <summary>At the peak's record: <see cref="AllocatorStatistics.MetadataOverhead"/>.</summary>
    public required double MetadataOverhead { get; init; }

    /// <summary>Bytes on the GC heap that the timed passes allocated per operation.</summary>
    public required double ManagedBytesPerOperation { get; init; }

    /// <summary><see cref="PeakResidentBytes"/> over <see cref="PeakLiveBytes"/>; null where either is missing or zero.</summary>
    public double? ResidentOverLive => PeakResidentBytes is { } resident && PeakLiveBytes > 0 ? (double)resident / PeakLiveBytes : null;
}

namespace DimensionStore.Memory;

/// <summary>A trace has more bytes live at once than there is memory, and replaying it writes each of them.</summary>
public sealed class TraceTooLargeException : MemoryToolkitException
{
    /// <summary>Creates the error.</summary>
    /// <param name="peakLiveBytes">What the trace has live at most.</param>
    /// <param name="availableBytes">What the system can give without swapping.</param>
    /// <param name="filePath">The file, or null for a trace made in memory.</param>
    public TraceTooLargeException(long peakLiveBytes, long availableBytes, string? filePath = null)
        : base($"{filePath ?? "The trace"} has {peakLiveBytes:N0} bytes live at its peak, all of which a replay writes, and the system has {availableBytes:N0} bytes of memory available. Replay a smaller trace, or state the most that the allocator may commit.")
    {
        PeakLiveBytes = peakLiveBytes;
        AvailableBytes = availableBytes;
        FilePath = filePath;
    }

    /// <summary>What the trace has live at most.</summary>
    public long PeakLiveBytes { get; }

    /// <summary>What the system can give without swapping.</summary>
    public long AvailableBytes { get; }

    /// <summary>The file, or null for a trace made in memory.</summary>
    public string? FilePath { get; }
}

using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>What an allocator made of an allocation trace.</summary>
public sealed class AllocationTraceReplay
{
    internal AllocationTraceReplay(string filePath, string allocator, long limitBytes, TraceReplayResult result, double? nativeNs)
    {
        FilePath = filePath;
        Allocator = allocator;
        LimitBytes = limitBytes;
        Result = result;
        NativeMemoryNsPerOperation = nativeNs;
    }

    /// <summary>The allocator.</summary>
    public string Allocator { get; }

    /// <summary>Nanoseconds per operation, the median of the passes; NaN without timed passes.</summary>
    public double NsPerOperation => Result.NsPerOperation;

    /// <summary>The replay's own part of that.</summary>
    public double ReplayOverheadNs => Result.ReplayOverheadNs;

    /// <summary>The same trace through the system's allocator, or null where that was not asked for.</summary>
    public double? NativeMemoryNsPerOperation { get; }

    /// <summary>Time over that of the system's allocator: below 1 is faster. Null where that was not asked for.</summary>
    public double? TimeRatio => NativeMemoryNsPerOperation is { } native ? NsPerOperation / native : null;

    /// <summary>Operations of the trace.</summary>
    public long Operations => Result.Operations;

    /// <summary>Most bytes live at once, as the program asked for them.</summary>
    public long PeakLiveBytes => Result.PeakLiveBytes;

    /// <summary>Main memory the allocator held at that moment, or null where the system does not tell.</summary>
    public long? PeakResidentBytes => Result.PeakResidentBytes;

    /// <summary>The one over the other.</summary>
    public double? ResidentOverLive => Result.ResidentOverLive;

    /// <summary>The most the allocator had committed.</summary>
    public long PeakCommittedBytes => Result.PeakCommittedBytes;

    /// <summary>At the peak: the part of the blocks that nobody asked for, 0 to 1.</summary>
    public double InternalFragmentation => Result.InternalFragmentation;

    /// <summary>At the peak: the part of the memory that lies free between live blocks, 0 to 1.</summary>
    public double ExternalFragmentation => Result.ExternalFragmentation;

    /// <summary>At the peak: bookkeeping over live bytes.</summary>
    public double MetadataOverhead => Result.MetadataOverhead;

    /// <summary>Threads that replayed.</summary>
    public int Threads => Result.Threads;

    /// <summary>The most the allocator was allowed to commit.</summary>
    public long LimitBytes { get; }

    /// <summary>The trace's file.</summary>
    public string FilePath { get; }

    /// <summary>The library's own object.</summary>
    public TraceReplayResult Result { get; }

    /// <summary>The file once more, under the name by which -LiteralPath takes it from a pipeline.</summary>
    public string PSPath => FilePath;

    /// <inheritdoc/>
    public override string ToString() => $"{Allocator}: {FilePath}";
}

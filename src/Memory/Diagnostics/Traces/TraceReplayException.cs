namespace DimensionStore.Memory;

/// <summary>An allocator could not follow a trace: it had no memory left, does not make blocks of that size or alignment, or gave a block that was not sound.</summary>
/// <remarks>What the replay had allocated is freed again, as far as the allocator takes it.</remarks>
public sealed class TraceReplayException : MemoryToolkitException
{
    /// <summary>Creates the error.</summary>
    public TraceReplayException(string allocator, int recordIndex, TraceRecord record, Exception innerException, string? filePath = null)
        : base($"{allocator}: record {recordIndex:N0} of {filePath ?? "the trace"} ({Describe(record)}) failed: {innerException?.Message}", innerException)
    {
        Allocator = allocator;
        RecordIndex = recordIndex;
        Record = record;
        FilePath = filePath;
    }

    /// <summary>Name of the allocator.</summary>
    public string Allocator { get; }

    /// <summary>Index of the record in <see cref="AllocationTrace.Records"/>.</summary>
    public int RecordIndex { get; }

    /// <summary>The record.</summary>
    public TraceRecord Record { get; }

    /// <summary>The file of the trace, or null for one that was made in memory.</summary>
    public string? FilePath { get; }

    private static string Describe(in TraceRecord record) => record.Operation switch
    {
        TraceOperation.Free => $"free of object {record.Id:N0}, {record.Size:N0} bytes",
        TraceOperation.Reallocate => $"reallocation of object {record.Id:N0} to {record.Size:N0} bytes",
        TraceOperation.AllocateAligned => $"allocation of {record.Size:N0} bytes aligned to {1L << record.AlignmentLog2:N0}",
        TraceOperation.AllocateZeroed => $"allocation of {record.Size:N0} zero bytes",
        _ => $"allocation of {record.Size:N0} bytes",
    };
}

using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// What a program asked of its allocator, operation by operation. Read from a file in the format <c>ALTRACE1</c> (<c>formats/ALTRACE1.md</c>), plain or gzip,
/// every field checked against the records. Immutable and thread-safe.
/// </summary>
public sealed class AllocationTrace
{
    /// <summary>Most threads a trace may have.</summary>
    public const int MaxThreads = 256;

    /// <summary>Largest base-2 logarithm of an alignment: 1 GiB.</summary>
    public const int MaxAlignmentLog2 = 30;

    /// <summary>
    /// Records that are read unless more are asked for: 134,217,728, which take 1.5 GiB. Needed because gzip packs a repeated record a thousand times smaller than it is.
    /// </summary>
    public const int DefaultMaxRecords = 1 << 27;

    private readonly TraceRecord[] _records;

    internal AllocationTrace(TraceRecord[] records, in TraceHeader header)
    {
        _records = records;
        ThreadCount = header.ThreadCount;
        SlotCount = header.SlotCount;
        PeakLiveObjects = header.PeakLiveObjects;
        PeakLiveBytes = header.PeakLiveBytes;
        PeakRecord = header.PeakRecord;
        TotalBytes = header.TotalBytes;
    }

    /// <summary>The file it was read from, or null; errors of a replay name it.</summary>
    public string? FilePath { get; private set; }

    /// <summary>The operations, in the order in which the program made them.</summary>
    public ReadOnlySpan<TraceRecord> Records => _records;

    /// <summary>Number of records.</summary>
    public int Count => _records.Length;

    /// <summary>Threads of the program, 1 to 256.</summary>
    public int ThreadCount { get; }

    /// <summary>Ids run from 0 to this less one.</summary>
    public int SlotCount { get; }

    /// <summary>Most objects live at once.</summary>
    public int PeakLiveObjects { get; }

    /// <summary>Most bytes live at once, as asked for.</summary>
    public long PeakLiveBytes { get; }

    /// <summary>The first record after which <see cref="PeakLiveBytes"/> are live; 0 in a trace that never has a live byte.</summary>
    public int PeakRecord { get; }

    /// <summary>Bytes asked for in all: sizes of allocations, and what reallocations added.</summary>
    public long TotalBytes { get; }

    internal TraceRecord[] RecordArray => _records;

    /// <summary>Reads a file, plain or gzip; which of the two is told by its first bytes, not by its name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxRecords">Refuse a trace of more records than these.</param>
    /// <param name="cancellation">
    /// Stops the reading; of a pipe or a device also while the system keeps its opening or its bytes waiting, and then a thread stays behind until they come. What a file system keeps
    /// waiting for a file, as one on a network may, is waited for.
    /// </param>
    /// <exception cref="OperationCanceledException">The reading was stopped.</exception>
    /// <exception cref="TraceFormatException">The file is not a trace; the error names the rule, the offset, what was expected and what was found.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static AllocationTrace Load(string path, int maxRecords = DefaultMaxRecords, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
        {
            // The system would say that access is denied.
            throw new IOException($"{path} is a directory; name an allocation trace, a file.");
        }

        if (!cancellation.CanBeCanceled || !SpecialFiles.IsSpecial(path))
        {
            return LoadNow(path, maxRecords, cancellation);
        }

        // The system's open and read of a pipe know no cancellation, so they are waited for and, when the reading is stopped, abandoned.
        return Task.Factory.StartNew(() => LoadNow(path, maxRecords, cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            .WaitAsync(cancellation).GetAwaiter().GetResult();
    }

    private static AllocationTrace LoadNow(string path, int maxRecords, CancellationToken cancellation)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        try
        {
            AllocationTrace trace = Read(file, maxRecords, cancellation);
            trace.FilePath = path;
            return trace;
        }
        catch (TraceFormatException refusal)
        {
            throw refusal.InFile(path);
        }
    }

    /// <summary>Reads a stream to its end, plain or gzip. The stream stays open.</summary>
    /// <exception cref="TraceFormatException">The bytes are not a trace.</exception>
    /// <exception cref="OperationCanceledException">The reading was stopped.</exception>
    public static AllocationTrace Read(Stream stream, int maxRecords = DefaultMaxRecords, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRecords);
        cancellation.ThrowIfCancellationRequested();
        return TraceReader.Read(stream, Math.Min(maxRecords, Array.MaxLength / TraceRecord.Bytes), cancellation);
    }

    /// <summary>Makes a trace of records in memory, with the header's figures computed from them.</summary>
    /// <param name="records">The operations.</param>
    /// <param name="threadCount">Threads of the program, 1 to 256.</param>
    /// <exception cref="TraceFormatException">A record breaks a rule of the format.</exception>
    public static AllocationTrace FromRecords(ReadOnlySpan<TraceRecord> records, int threadCount = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threadCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threadCount, MaxThreads);
        uint highest = 0;
        foreach (ref readonly TraceRecord record in records)
        {
            highest = Math.Max(highest, record.Id);
        }

        long slots = records.IsEmpty ? 0 : highest + 1L;
        if (slots > records.Length)
        {
            throw new TraceFormatException(TraceFormatError.BadSlotCount, TraceHeader.SlotCountOffset, $"at most {records.Length:N0} ids for as many records", $"{slots:N0}");
        }

        TraceRecord[] copy = records.ToArray();
        return new AllocationTrace(copy, TraceTally.Summarise(copy, threadCount, (int)slots));
    }

    /// <summary>Writes the trace to a file, which appears whole or not at all.</summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="compress">Whether to pack it with gzip; by default when the name ends in <c>.gz</c>.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path, bool? compress = null)
    {
        using var writer = new AllocationTraceWriter(path, compress, this);
        foreach (ref readonly TraceRecord record in Records)
        {
            writer.Write(record);
        }

        writer.Complete();
    }
}

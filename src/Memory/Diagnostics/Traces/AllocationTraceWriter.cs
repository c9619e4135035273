using System.Buffers.Binary;
using System.IO.Compression;

namespace DimensionStore.Memory;

/// <summary>
/// Writes a trace in the format <c>ALTRACE1</c>. The file appears under its name when it is complete, never half written. Not thread-safe.
/// </summary>
/// <remarks>
/// The header states what only the last record tells, and gzip cannot be corrected afterwards: records go to a file of their own beside the target, which is
/// completed or packed at the end and renamed.
/// </remarks>
public sealed class AllocationTraceWriter : IDisposable
{
    private const int BufferBytes = 1 << 16;
    private readonly TraceTally _tally;
    private readonly FileStream _records;
    private readonly string _draftPath;
    private readonly bool _compress;
    private readonly int _leastSlots;
    private int _threads;
    private int _count;
    private bool _isComplete;
    private bool _disposed;

    /// <summary>Begins a trace.</summary>
    /// <param name="path">The file to be; an existing one is replaced by <see cref="Complete"/>.</param>
    /// <param name="compress">Whether to pack it with gzip; by default when the name ends in <c>.gz</c>.</param>
    /// <exception cref="IOException">No file can be made there.</exception>
    /// <exception cref="UnauthorizedAccessException">No file may be made there.</exception>
    public AllocationTraceWriter(string path, bool? compress = null)
        : this(path, compress, new TraceTally(), threads: 1, slots: 0)
    {
    }

    /// <summary>Begins the copy of a trace, whose ids need not be dense and whose threads need not all occur.</summary>
    internal AllocationTraceWriter(string path, bool? compress, AllocationTrace copied)
        : this(path, compress, new TraceTally(copied.ThreadCount, copied.SlotCount), copied.ThreadCount, copied.SlotCount)
    {
    }

    private AllocationTraceWriter(string path, bool? compress, TraceTally tally, int threads, int slots)
    {
        _tally = tally;
        _threads = threads;
        _leastSlots = slots;
        ArgumentException.ThrowIfNullOrEmpty(path);
        FilePath = Path.GetFullPath(path);
        _compress = compress ?? path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);
        _draftPath = $"{FilePath}.{Guid.NewGuid():N}.tmp";
        _records = new FileStream(_draftPath, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, BufferBytes);
        _records.Write(stackalloc byte[TraceHeader.Bytes]);
    }

    /// <summary>The file to be.</summary>
    public string FilePath { get; }

    /// <summary>Records so far.</summary>
    public int Count => _count;

    /// <summary>Adds a record.</summary>
    /// <param name="record">The operation. A new id is at most the number of records so far, so that ids stay dense.</param>
    /// <exception cref="TraceFormatException">It breaks a rule of the format, such as a free of what is not live; nothing is written.</exception>
    /// <exception cref="InvalidOperationException">The trace is complete, or has 178,956,970 records, as many as a reader can hold.</exception>
    /// <exception cref="IOException">The disk is full or failed; dispose the writer.</exception>
    public void Write(in TraceRecord record)
    {
        ThrowIfClosed();
        if (_count >= Array.MaxLength / TraceRecord.Bytes)
        {
            throw new InvalidOperationException($"{FilePath}: the trace has {_count:N0} records and takes no more. Complete it and begin another.");
        }

        _tally.Add(record);
        Span<byte> bytes = stackalloc byte[TraceRecord.Bytes];
        bytes[0] = (byte)record.Operation;
        bytes[1] = record.Thread;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[2..], record.AlignmentLog2);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], record.Id);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], record.Size);
        _records.Write(bytes);
        _threads = Math.Max(_threads, record.Thread + 1);
        _count++;
    }

    /// <summary>Writes the header, flushes everything to the disk and puts the file under its name.</summary>
    /// <exception cref="InvalidOperationException">It is complete already.</exception>
    /// <exception cref="IOException">The disk is full or failed; the file that was there is untouched.</exception>
    public void Complete()
    {
        ThrowIfClosed();
        _records.Position = 0;
        TraceHeader header = _tally.ToHeader(_threads);
        WriteHeader(_records, header with { SlotCount = Math.Max(_leastSlots, header.SlotCount) });
        _records.Flush();
        if (!_compress)
        {
            _records.Flush(flushToDisk: true);
            _records.Dispose();
            File.Move(_draftPath, FilePath, overwrite: true);
            _isComplete = true;
            return;
        }

        string packedPath = $"{FilePath}.{Guid.NewGuid():N}.tmp";
        try
        {
            _records.Position = 0;
            using (var packed = new FileStream(packedPath, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes))
            {
                using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
                {
                    _records.CopyTo(gzip, BufferBytes);
                }

                packed.Flush(flushToDisk: true);
            }

            File.Move(packedPath, FilePath, overwrite: true);
            _isComplete = true;
        }
        finally
        {
            File.Delete(packedPath);
        }
    }

    /// <summary>Without <see cref="Complete"/> before, what was written is dropped and no file appears.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _records.Dispose();
            File.Delete(_draftPath);
        }
    }

    private static void WriteHeader(Stream stream, in TraceHeader header)
    {
        Span<byte> bytes = stackalloc byte[TraceHeader.Bytes];
        bytes.Clear();
        TraceHeader.Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[TraceHeader.RecordSizeOffset..], TraceRecord.Bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[TraceHeader.ThreadCountOffset..], (uint)header.ThreadCount);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[TraceHeader.RecordCountOffset..], (ulong)header.RecordCount);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[TraceHeader.SlotCountOffset..], (uint)header.SlotCount);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[TraceHeader.PeakLiveObjectsOffset..], (uint)header.PeakLiveObjects);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[TraceHeader.PeakLiveBytesOffset..], (ulong)header.PeakLiveBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[TraceHeader.PeakRecordOffset..], (ulong)header.PeakRecord);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[TraceHeader.TotalBytesOffset..], (ulong)header.TotalBytes);
        stream.Write(bytes);
    }

    private void ThrowIfClosed()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_isComplete)
        {
            throw new InvalidOperationException($"{FilePath} is complete. Begin another trace.");
        }
    }
}

namespace DimensionStore.Memory;

/// <summary>Plays records on a table of sizes: finds those that make no sense, and the figures a header must state.</summary>
internal sealed class TraceTally
{
    /// <summary>Records between two looks at whether to stop.</summary>
    private const int Step = 1 << 16;

    private const int OperationAt = 0;
    private const int ThreadAt = 1;
    private const int AlignmentAt = 2;
    private const int IdAt = 4;
    private const int SizeAt = 8;

    /// <summary>Stands for no live object in the table, which holds sizes plus one, so that an object of 0 bytes can be live.</summary>
    private const long Dead = 0;

    private readonly int _threadCount;
    private readonly int _slotCount;
    private long[] _live;
    private int _count;
    private int _slots;
    private int _objects;
    private int _peakObjects;
    private long _bytes;
    private long _peakBytes;
    private int _peakRecord;
    private long _total;

    /// <summary>For records that are all there: the table is made for so many ids.</summary>
    internal TraceTally(int threadCount, int slotCount)
    {
        _threadCount = threadCount;
        _slotCount = slotCount;
        _live = new long[slotCount];
    }

    /// <summary>For records that come one by one: an id is at most the number of records so far, and the table grows with them.</summary>
    internal TraceTally()
    {
        _threadCount = AllocationTrace.MaxThreads;
        _slotCount = -1;
        _live = new long[1024];
    }

    /// <summary>Checks what a header says.</summary>
    internal static void Verify(TraceRecord[] records, in TraceHeader header, CancellationToken cancellation)
    {
        TraceHeader real = Summarise(records, header.ThreadCount, header.SlotCount, cancellation);
        Compare(TraceFormatError.WrongPeakObjects, TraceHeader.PeakLiveObjectsOffset, "live objects at most", real.PeakLiveObjects, header.PeakLiveObjects);
        Compare(TraceFormatError.WrongPeakBytes, TraceHeader.PeakLiveBytesOffset, "live bytes at most", real.PeakLiveBytes, header.PeakLiveBytes);
        Compare(TraceFormatError.WrongPeakRecord, TraceHeader.PeakRecordOffset, "as the first record with most live bytes", real.PeakRecord, header.PeakRecord);
        Compare(TraceFormatError.WrongTotalBytes, TraceHeader.TotalBytesOffset, "bytes allocated in all", real.TotalBytes, header.TotalBytes);
    }

    /// <summary>Checks the records and computes the header that belongs to them.</summary>
    internal static TraceHeader Summarise(TraceRecord[] records, int threadCount, int slotCount, CancellationToken cancellation = default)
    {
        var tally = new TraceTally(threadCount, slotCount);
        foreach (ref readonly TraceRecord record in records.AsSpan())
        {
            if (tally._count % Step == 0)
            {
                cancellation.ThrowIfCancellationRequested();
            }

            tally.Add(record);
        }

        return tally.ToHeader(threadCount) with { SlotCount = slotCount };
    }

    /// <summary>The header of the records so far.</summary>
    internal TraceHeader ToHeader(int threadCount) => new(threadCount, _count, _slots, _peakObjects, _peakBytes, _peakRecord, _total);

    /// <summary>Takes the next record.</summary>
    /// <exception cref="TraceFormatException">It breaks a rule; nothing has changed.</exception>
    internal void Add(in TraceRecord record)
    {
        CheckFields(record);
        ref long slot = ref _live[record.Id];
        switch (record.Operation)
        {
            case TraceOperation.Free:
                if (slot == Dead)
                {
                    throw Broken(TraceFormatError.IdNotInUse, IdAt, "the id of a live object", $"a free of {record.Id:N0}, which is not live");
                }

                if (slot - 1 != record.Size)
                {
                    throw Broken(TraceFormatError.WrongSize, SizeAt, $"the {slot - 1:N0} bytes that object {record.Id:N0} has", $"{record.Size:N0}");
                }

                _bytes -= record.Size;
                slot = Dead;
                _objects--;
                break;
            case TraceOperation.Reallocate:
                if (slot == Dead)
                {
                    throw Broken(TraceFormatError.IdNotInUse, IdAt, "the id of a live object", $"a reallocation of {record.Id:N0}, which is not live");
                }

                long growth = record.Size - (slot - 1);
                _bytes += growth;
                _total += Math.Max(0, growth);
                slot = record.Size + 1L;
                break;
            default:
                if (slot != Dead)
                {
                    throw Broken(TraceFormatError.IdInUse, IdAt, "an id that is free", $"an allocation as {record.Id:N0}, which is live with {slot - 1:N0} bytes");
                }

                _bytes += record.Size;
                _total += record.Size;
                slot = record.Size + 1L;
                _objects++;
                break;
        }

        _peakObjects = Math.Max(_peakObjects, _objects);
        if (_bytes > _peakBytes)
        {
            _peakBytes = _bytes;
            _peakRecord = _count;
        }

        _slots = (int)Math.Max((uint)_slots, record.Id + 1);
        _count++;
    }

    private void CheckFields(in TraceRecord record)
    {
        if (record.Operation > TraceOperation.AllocateAligned)
        {
            throw Broken(TraceFormatError.UnknownOperation, OperationAt, "an operation from 0 to 4", $"{(byte)record.Operation}");
        }

        if (record.Thread >= _threadCount)
        {
            throw Broken(TraceFormatError.BadThread, ThreadAt, $"a thread below {_threadCount}", $"{record.Thread}");
        }

        if (record.AlignmentLog2 > (record.Operation == TraceOperation.AllocateAligned ? AllocationTrace.MaxAlignmentLog2 : 0))
        {
            string expected = record.Operation == TraceOperation.AllocateAligned ? $"an alignment of at most 2^{AllocationTrace.MaxAlignmentLog2}" : $"0, since {record.Operation} states no alignment";
            throw Broken(TraceFormatError.BadAlignment, AlignmentAt, expected, $"{record.AlignmentLog2}");
        }

        long slots = _slotCount >= 0 ? _slotCount : _count + 1L;
        if (record.Id >= slots)
        {
            throw Broken(TraceFormatError.BadId, IdAt, $"an id below {slots:N0}", $"{record.Id:N0}");
        }

        if (record.Id >= _live.Length)
        {
            Array.Resize(ref _live, (int)Math.Min(Array.MaxLength, Math.Max(record.Id + 1L, 2L * _live.Length)));
        }
    }

    private static void Compare(TraceFormatError error, int offset, string what, long expected, long found)
    {
        if (expected != found)
        {
            throw new TraceFormatException(error, offset, $"{expected:N0} {what}", $"{found:N0}");
        }
    }

    private TraceFormatException Broken(TraceFormatError error, int offset, string expected, string found)
        => new(error, TraceHeader.Bytes + ((long)_count * TraceRecord.Bytes) + offset, expected, $"{found} (record {_count:N0})");
}

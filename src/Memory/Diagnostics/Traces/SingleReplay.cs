using System.Diagnostics;

namespace DimensionStore.Memory;

/// <summary>All records on the calling thread, in the trace's order.</summary>
/// <remarks>The clock runs over segments, between which it is seen whether to stop: the loop itself would be slower for looking.</remarks>
internal sealed unsafe class SingleReplay<T> : ReplayRun
    where T : struct, IReplayTarget
{
    private const int SegmentRecords = 4096;

    /// <summary>Bytes that an allocator may have to write in a segment, because they are zeroed or moved.</summary>
    private const long SegmentBytes = 16 << 20;

    private readonly T _target;
    private readonly nint[] _slots;
    private readonly uint[] _sizes;
    private readonly uint[] _liveAtEnd;
    private readonly int[] _segmentEnds;
    private int _position;
    private int _freedAtEnd;

    internal SingleReplay(AllocationTrace trace, T target, string allocatorName, CancellationToken cancellation)
        : base(trace, allocatorName, cancellation)
    {
        _target = target;
        _slots = new nint[trace.SlotCount];
        _sizes = new uint[trace.SlotCount];
        _segmentEnds = Segments(trace, cancellation);
        _liveAtEnd = LiveAfter(trace.Count, cancellation);
    }

    internal override int Threads => 1;

    internal override double Time(out long managedBytes)
    {
        _position = 0;
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long begin = Stopwatch.GetTimestamp();
        try
        {
            fixed (TraceRecord* records = Trace.RecordArray)
            fixed (nint* slots = _slots)
            {
                foreach (int end in _segmentEnds)
                {
                    Cancellation.ThrowIfCancellationRequested();
                    ReplayLoop.Run(_target, records, slots, _position, end, ref _position);
                }
            }
        }
        catch (Exception refusal) when (IsRefusal(refusal))
        {
            throw Undo(refusal);
        }

        long elapsed = Stopwatch.GetTimestamp() - begin;
        managedBytes = GC.GetAllocatedBytesForCurrentThread() - allocated;
        FreeLive();
        return elapsed * 1e9 / Stopwatch.Frequency;
    }

    internal override void RunChecked(int end)
    {
        try
        {
            fixed (TraceRecord* records = Trace.RecordArray)
            fixed (nint* slots = _slots)
            {
                ReplayLoop.RunChecked(_target, records, slots, _sizes, end, ref _position, Cancellation);
            }
        }
        catch (Exception refusal) when (IsRefusal(refusal))
        {
            throw Undo(refusal);
        }
    }

    internal override void FreeLive()
    {
        if (_position == Trace.Count)
        {
            FreeAtEnd(Cancellation);
            return;
        }

        T target = _target;
        target.Settle();
        foreach (uint id in LiveAfter(_position, Cancellation))
        {
            target.Free(_slots[id]);
        }

        _position = 0;
    }

    internal override void Abandon()
    {
        if (_position == Trace.Count)
        {
            FreeAtEnd(CancellationToken.None);
            return;
        }

        FreeLiveQuietly();
        _position = 0;
    }

    private static int[] Segments(AllocationTrace trace, CancellationToken cancellation)
    {
        var ends = new List<int>();
        int begin = 0;
        long bytes = 0;
        for (int i = 0; i < trace.Count; i++)
        {
            ref readonly TraceRecord record = ref trace.RecordArray[i];
            bytes += record.Operation is TraceOperation.AllocateZeroed or TraceOperation.Reallocate ? record.Size : 0;
            if (i + 1 - begin == SegmentRecords || bytes >= SegmentBytes || i + 1 == trace.Count)
            {
                cancellation.ThrowIfCancellationRequested();
                ends.Add(i + 1);
                begin = i + 1;
                bytes = 0;
            }
        }

        return [.. ends];
    }

    /// <summary>Frees what is live behind the last record, from where it was stopped if it was.</summary>
    private void FreeAtEnd(CancellationToken cancellation)
    {
        T target = _target;
        target.Settle();
        for (; _freedAtEnd < _liveAtEnd.Length; _freedAtEnd++)
        {
            if (_freedAtEnd % SegmentRecords == 0)
            {
                cancellation.ThrowIfCancellationRequested();
            }

            target.Free(_slots[_liveAtEnd[_freedAtEnd]]);
        }

        _freedAtEnd = 0;
        _position = 0;
    }

    private TraceReplayException Undo(Exception refusal)
    {
        FreeLiveQuietly();
        return Failed(_position, refusal);
    }

    private void FreeLiveQuietly()
    {
        foreach (uint id in LiveAfter(_position, CancellationToken.None))
        {
            FreeQuietly(_target, _slots[id]);
        }
    }

    private uint[] LiveAfter(int count, CancellationToken cancellation)
    {
        bool[] live = new bool[Trace.SlotCount];
        int objects = 0;
        for (int i = 0; i < count; i++)
        {
            if (i % SegmentRecords == 0)
            {
                cancellation.ThrowIfCancellationRequested();
            }

            ref readonly TraceRecord record = ref Trace.RecordArray[i];
            bool lives = record.Operation != TraceOperation.Free;
            objects += (lives ? 1 : 0) - (live[record.Id] ? 1 : 0);
            live[record.Id] = lives;
        }

        uint[] ids = new uint[objects];
        int found = 0;
        for (uint id = 0; found < objects; id++)
        {
            if (live[id])
            {
                ids[found++] = id;
            }
        }

        return ids;
    }
}

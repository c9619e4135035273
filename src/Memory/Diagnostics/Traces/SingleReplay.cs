using System.Diagnostics;

namespace DimensionStore.Memory;

/// <summary>All records on the calling thread, in the trace's order.</summary>
internal sealed unsafe class SingleReplay<T> : ReplayRun
    where T : struct, IReplayTarget
{
    private readonly T _target;
    private readonly nint[] _slots;
    private readonly uint[] _sizes;
    private readonly uint[] _liveAtEnd;
    private int _position;

    internal SingleReplay(AllocationTrace trace, T target, string allocatorName)
        : base(trace, allocatorName)
    {
        _target = target;
        _slots = new nint[trace.SlotCount];
        _sizes = new uint[trace.SlotCount];
        _liveAtEnd = LiveAfter(trace.Count);
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
                ReplayLoop.Run(_target, records, slots, Trace.Count, ref _position);
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
                ReplayLoop.RunChecked(_target, records, slots, _sizes, end, ref _position);
            }
        }
        catch (Exception refusal) when (IsRefusal(refusal))
        {
            throw Undo(refusal);
        }
    }

    internal override void FreeLive()
    {
        T target = _target;
        target.Settle();
        foreach (uint id in _position == Trace.Count ? _liveAtEnd : LiveAfter(_position))
        {
            target.Free(_slots[id]);
        }

        _position = 0;
    }

    private TraceReplayException Undo(Exception refusal)
    {
        foreach (uint id in LiveAfter(_position))
        {
            FreeQuietly(_target, _slots[id]);
        }

        return Failed(_position, refusal);
    }

    private uint[] LiveAfter(int count)
    {
        bool[] live = new bool[Trace.SlotCount];
        foreach (ref readonly TraceRecord record in Trace.Records[..count])
        {
            live[record.Id] = record.Operation != TraceOperation.Free;
        }

        return [.. Enumerable.Range(0, live.Length).Where(id => live[id]).Select(id => (uint)id)];
    }
}

using System.Diagnostics;

namespace DimensionStore.Memory;

/// <summary>A thread for each thread of the trace; each runs its own records as <see cref="ReplayPlan"/> says.</summary>
internal sealed unsafe class CrewReplay<T> : ReplayRun
    where T : struct, IReplayTarget
{
    private readonly ReplayPlan _plan;
    private readonly Worker[] _workers;
    private readonly Barrier _barrier;
    private readonly nint[] _places;
    private readonly ReplayPace _pace;
    private readonly int[] _done;
    private readonly int[] _liveAtEnd;
    private readonly T _target;
    private bool _checked;
    private bool _quit;
    private int _freed;

    internal CrewReplay(AllocationTrace trace, ReplayPlan plan, T target, string allocatorName, CancellationToken cancellation)
        : base(trace, allocatorName, cancellation)
    {
        _plan = plan;
        _target = target;
        _places = GC.AllocateArray<nint>(Math.Max(1, plan.PlaceCount), pinned: true);
        _pace = new ReplayPace(plan.Threads.Length);
        _done = new int[plan.Threads.Length];
        _liveAtEnd = [.. plan.LivePlaces([.. plan.Threads.Select(operations => operations.Length)])];
        _barrier = new Barrier(plan.Threads.Length + 1);
        _workers = [.. plan.Threads.Select((operations, thread) => new Worker(this, operations, thread))];
    }

    internal override int Threads => _workers.Length;

    internal override double Time(out long managedBytes)
    {
        _checked = false;
        RunTo(Trace.Count);
        long begin = _workers.Min(worker => worker.Begin);
        long end = _workers.Max(worker => worker.End);
        managedBytes = _workers.Sum(worker => worker.ManagedBytes);
        FreeLive();
        return (end - begin) * 1e9 / Stopwatch.Frequency;
    }

    internal override void RunChecked(int end)
    {
        _checked = true;
        RunTo(end);
    }

    internal override void FreeLive()
    {
        T target = _target;
        target.Settle();
        bool whole = _workers.All(worker => worker.Done == worker.Count);
        int[] live = whole ? _liveAtEnd : [.. LivePlaces()];
        for (; _freed < live.Length; _freed++)
        {
            if (_freed % ReplayPace.Window == 0)
            {
                Cancellation.ThrowIfCancellationRequested();
            }

            target.Free(_places[live[_freed]]);
        }

        Clear();
    }

    internal override void Abandon()
    {
        foreach (int place in LivePlaces().Skip(_freed))
        {
            FreeQuietly(_target, _places[place]);
        }

        Clear();
    }

    public override void Dispose()
    {
        _quit = true;
        _barrier.SignalAndWait();
        foreach (Worker worker in _workers)
        {
            worker.Join();
        }

        _barrier.Dispose();
        base.Dispose();
    }

    private void RunTo(int record)
    {
        for (int thread = 0; thread < _workers.Length; thread++)
        {
            _workers[thread].Limit = _plan.CountBefore(thread, record);
            _pace.Publish(thread, _workers[thread].NextRecord);
        }

        using (Cancellation.UnsafeRegister(static pace => ((ReplayPace)pace!).Stop(), _pace))
        {
            _barrier.SignalAndWait();
            _barrier.SignalAndWait();
        }

        Cancellation.ThrowIfCancellationRequested();
        Worker? failed = _workers.Where(worker => worker.Failure is not null).MinBy(worker => worker.NextRecord);
        if (failed is null)
        {
            return;
        }

        Exception cause = failed.Failure!;
        int index = failed.NextRecord;
        foreach (int place in LivePlaces())
        {
            FreeQuietly(_target, _places[place]);
        }

        Clear();
        if (!IsRefusal(cause))
        {
            throw new InvalidOperationException($"A replaying thread stopped at record {index:N0}: {cause.Message}", cause);
        }

        throw Failed(index, cause);
    }

    private IEnumerable<int> LivePlaces()
    {
        for (int thread = 0; thread < _workers.Length; thread++)
        {
            _done[thread] = _workers[thread].Done;
        }

        return _plan.LivePlaces(_done);
    }

    private void Clear()
    {
        Array.Clear(_places);
        _freed = 0;
        _pace.Start();
        foreach (Worker worker in _workers)
        {
            worker.Rewind();
        }
    }

    /// <summary>One thread of the trace.</summary>
    private sealed class Worker
    {
        private readonly CrewReplay<T> _crew;
        private readonly PlannedOperation[] _operations;
        private readonly int _number;
        private readonly Thread _thread;
        private int _position;

        internal Worker(CrewReplay<T> crew, PlannedOperation[] operations, int number)
        {
            _crew = crew;
            _operations = operations;
            _number = number;
            _thread = new Thread(Work) { IsBackground = true, Name = $"trace thread {number}" };
            _thread.Start();
        }

        /// <summary>Behind the last operation of this run.</summary>
        internal int Limit { get; set; }

        internal int Count => _operations.Length;

        /// <summary>Operations that are done.</summary>
        internal int Done => _position;

        /// <summary>The record of the next operation.</summary>
        internal int NextRecord => _position < _operations.Length ? _operations[_position].Record : _crew.Trace.Count;

        internal long Begin { get; private set; }

        internal long End { get; private set; }

        internal long ManagedBytes { get; private set; }

        internal Exception? Failure { get; private set; }

        internal void Rewind()
        {
            _position = 0;
            Failure = null;
        }

        internal void Join() => _thread.Join();

        private void Work()
        {
            while (true)
            {
                _crew._barrier.SignalAndWait();
                if (_crew._quit)
                {
                    return;
                }

                Run();
                _crew._barrier.SignalAndWait();
            }
        }

        private void Run()
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            Begin = Stopwatch.GetTimestamp();
            try
            {
                fixed (PlannedOperation* operations = _operations)
                fixed (nint* places = _crew._places)
                {
                    if (_crew._checked)
                    {
                        CrewLoop.RunChecked(_crew._target, operations, places, Limit, _crew._pace, _number, ref _position, _crew.Cancellation);
                    }
                    else
                    {
                        CrewLoop.Run(_crew._target, operations, places, Limit, _crew._pace, _number, ref _position);
                    }
                }
            }
            catch (Exception failure)
            {
                // Whatever it is, the thread that started the replay reports it; here it would end the process.
                Failure = failure;
                _crew._pace.Stop();
            }

            End = Stopwatch.GetTimestamp();
            _crew._pace.Publish(_number, long.MaxValue);
            ManagedBytes = GC.GetAllocatedBytesForCurrentThread() - allocated;
        }
    }
}

namespace DimensionStore.Memory;

/// <summary>
/// Keeps resets apart from requests that another thread has under way: a reset waits for those, and those that begin meanwhile wait for the reset. So whoever has got a block beneath and may not keep it knows
/// that it is still there, and still its own.
/// </summary>
/// <remarks>
/// A handler of events beneath runs inside a request or a reset of its own thread, for which it does not wait: it may allocate and reset. Rejected: a reader-writer lock, which lets no thread write inside its own read; and
/// a count of resets without waiting, which tells that one came by, but not whether the block is from before or after it.
/// </remarks>
internal sealed class ResetGate
{
    [ThreadStatic]
    private static Passes? t_passes;

    private int _inside;
    private int _resettingThread;
    private int _resetDepth;

    /// <summary>
    /// Whether no request is inside. Who saw a block before asking this, and looks for its note after it, knows that a block without one did not come through here.
    /// </summary>
    internal bool IsEmpty => Volatile.Read(ref _inside) == 0;

    /// <summary>Lets a request in, after the reset of another thread if there is one. Ended by <see cref="Exit"/> on the same thread.</summary>
    internal void Enter()
    {
        Passes passes = t_passes ??= new Passes();
        bool isNested = passes.CountOf(this) > 0;
        passes.Push(this);
        Interlocked.Increment(ref _inside);
        while (!isNested && IsClosedByAnother())
        {
            // A reset that closed it before the count was seen waits for the count, so it is taken back until the reset is over.
            Interlocked.Decrement(ref _inside);
            PatientWait wait = default;
            while (IsClosedByAnother())
            {
                wait.SpinOnce();
            }

            wait.End();
            Interlocked.Increment(ref _inside);
        }
    }

    /// <summary>Ends what <see cref="Enter"/> began.</summary>
    internal void Exit()
    {
        t_passes!.Pop();
        Interlocked.Decrement(ref _inside);
    }

    /// <summary>
    /// Begins a reset: waits until no other thread is inside, and lets none in until <see cref="Open"/>. False, without waiting, for a handler inside a request of its own that another thread's reset waits for already: they
    /// would wait for each other.
    /// </summary>
    internal bool TryClose()
    {
        int thread = Environment.CurrentManagedThreadId;
        int own = t_passes?.CountOf(this) ?? 0;
        PatientWait wait = default;
        for (int resetting = 0; (resetting = Interlocked.CompareExchange(ref _resettingThread, thread, 0)) != 0 && resetting != thread;)
        {
            if (own > 0)
            {
                wait.End();
                return false;
            }

            wait.SpinOnce();
        }

        _resetDepth++;
        while (Volatile.Read(ref _inside) > own)
        {
            wait.SpinOnce();
        }

        wait.End();
        return true;
    }

    /// <summary>Ends a reset that <see cref="TryClose"/> began.</summary>
    internal void Open()
    {
        if (--_resetDepth == 0)
        {
            Volatile.Write(ref _resettingThread, 0);
        }
    }

    private bool IsClosedByAnother() => Volatile.Read(ref _resettingThread) is not 0 and int thread && thread != Environment.CurrentManagedThreadId;

    /// <summary>The gates that a thread is inside of, innermost last: as many as layers lie above each other, and more only in handlers.</summary>
    private sealed class Passes
    {
        private ResetGate?[] _gates = new ResetGate?[4];
        private int _count;

        internal int CountOf(ResetGate gate)
        {
            int count = 0;
            foreach (ResetGate? passed in _gates.AsSpan(0, _count))
            {
                count += ReferenceEquals(passed, gate) ? 1 : 0;
            }

            return count;
        }

        internal void Push(ResetGate gate)
        {
            if (_count == _gates.Length)
            {
                Array.Resize(ref _gates, _count * 2);
            }

            _gates[_count++] = gate;
        }

        internal void Pop() => _gates[--_count] = null;
    }
}

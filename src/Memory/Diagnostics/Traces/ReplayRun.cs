namespace DimensionStore.Memory;

/// <summary>One trace with one target: passes of both kinds, on one thread or several. Not thread-safe.</summary>
/// <remarks>Each method may end with <see cref="OperationCanceledException"/>. What is live then stays so, until <see cref="Abandon"/>.</remarks>
internal abstract class ReplayRun(AllocationTrace trace, string allocatorName, CancellationToken cancellation) : IDisposable
{
    protected AllocationTrace Trace { get; } = trace;

    protected CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Threads that work.</summary>
    internal abstract int Threads { get; }

    /// <summary>Runs all records against the clock and frees what is live behind the last one, which is not timed.</summary>
    /// <param name="managedBytes">Bytes that the threads allocated on the GC heap meanwhile.</param>
    /// <returns>Nanoseconds.</returns>
    internal abstract double Time(out long managedBytes);

    /// <summary>Runs the records up to <paramref name="end"/> that did not run yet, writes every byte of each block and checks what is freed.</summary>
    internal abstract void RunChecked(int end);

    /// <summary>Frees what is live after <see cref="RunChecked"/>.</summary>
    internal abstract void FreeLive();

    /// <summary>Frees what is live after <see cref="Time"/> was stopped, for a target that nobody can reset.</summary>
    internal abstract void Abandon();

    public virtual void Dispose()
    {
    }

    /// <summary>Whether an allocator says so that it cannot do what was asked; anything else is a defect and passes unchanged.</summary>
    protected static bool IsRefusal(Exception exception) => exception is MemoryToolkitException or ArgumentException or OutOfMemoryException or NotSupportedException;

    protected TraceReplayException Failed(int record, Exception cause) => new(allocatorName, record, Trace.RecordArray[record], cause, Trace.FilePath);

    protected static void FreeQuietly<T>(T target, nint block)
        where T : struct, IReplayTarget
    {
        try
        {
            target.Settle();
            target.Free(block);
        }
        catch (MemoryToolkitException)
        {
            // The first failure is on its way to the caller and says more than one while cleaning up after it.
        }
    }
}

namespace DimensionStore.Memory;

/// <summary>How far each thread of a replay is, so that none runs away from the others.</summary>
/// <remarks>
/// A producer that the program held back by a lock or a full queue would otherwise allocate everything before the consumer frees any, and the live bytes would be
/// another trace's. Within <see cref="Window"/> records the peak can be off by what these allocate. A thread says where it is every <see cref="Step"/> records only: each time costs the
/// others a cache miss. No two threads can wait for each other: one waits for blocks of earlier records or for threads that are behind it, so the
/// thread with the earliest next record always runs.
/// </remarks>
internal sealed class ReplayPace(int threads)
{
    internal const int Window = 4096;
    internal const int Step = 256;
    private const int Spread = 16;
    private readonly long[] _next = new long[(threads + 1) * Spread];
    private volatile bool _stopped;

    /// <summary>Whether a thread failed, so that the others' blocks may never come.</summary>
    internal bool IsStopped => _stopped;

    internal void Start() => _stopped = false;

    internal void Stop() => _stopped = true;

    internal void Publish(int thread, long record) => Volatile.Write(ref _next[(thread + 1) * Spread], record);

    /// <summary>Says where a thread is and waits until it is not too far ahead.</summary>
    /// <returns>False when the replay was stopped.</returns>
    internal bool Keep(int thread, int record)
    {
        Publish(thread, record);
        var wait = default(ReplayWait);
        for (int other = 0; other < threads; other++)
        {
            while (Volatile.Read(ref _next[(other + 1) * Spread]) < record - Window)
            {
                if (_stopped)
                {
                    return false;
                }

                wait.Once();
            }
        }

        return !_stopped;
    }
}

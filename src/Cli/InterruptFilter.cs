namespace DimensionStore.Cli;

/// <summary>
/// What a signal to stop means. The first asks the command to stop, so that it removes its scratch files; a later one is left to the system, which ends the process. One that comes at the heels of
/// the first is the same request twice: <c>timeout</c>, for one, signals the process and then its group.
/// </summary>
internal sealed class InterruptFilter(CancellationTokenSource stop, TimeProvider time)
{
    private static readonly TimeSpan SameRequest = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private long _first;

    /// <summary>Takes a signal.</summary>
    /// <returns>Whether it is dealt with; false leaves it to the system.</returns>
    public bool Take()
    {
        lock (_gate)
        {
            if (stop.IsCancellationRequested)
            {
                return time.GetElapsedTime(_first) < SameRequest;
            }

            _first = time.GetTimestamp();
            stop.Cancel();
            return true;
        }
    }
}

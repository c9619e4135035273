namespace DimensionStore;

/// <summary>
/// Stamps uses so that they can be ordered: milliseconds, and within one millisecond the order in which stamps were asked for. No two stamps are equal.
/// Thread-safe. Too dear for each zero-copy access (some 10 ns), cheap for one in sixty-four and for everything that copies or loads.
/// </summary>
internal sealed class UseClock
{
    private const int SequenceBits = 20;
    private long _last;

    /// <summary>The next stamp, larger than all before.</summary>
    public long Next()
    {
        long now = Environment.TickCount64 << SequenceBits;
        long last = Volatile.Read(ref _last);
        while (true)
        {
            long next = Math.Max(now, last + 1);
            long seen = Interlocked.CompareExchange(ref _last, next, last);
            if (seen == last)
            {
                return next;
            }

            last = seen;
        }
    }
}

using System.Diagnostics;

namespace DimensionStore.PowerShell;

/// <summary>Says when a progress record is worth its price: not in the first second, then at most five times a second.</summary>
internal sealed class ProgressThrottle
{
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);
    private readonly long _started = Stopwatch.GetTimestamp();
    private TimeSpan _last;

    /// <summary>Whether any record was due so far, so that a closing one is needed.</summary>
    public bool WasDue { get; private set; }

    /// <summary>Whether a record is due now; asking starts the next interval.</summary>
    public bool IsDue()
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_started);
        if (elapsed < Delay || elapsed - _last < Interval)
        {
            return false;
        }

        _last = elapsed;
        WasDue = true;
        return true;
    }
}

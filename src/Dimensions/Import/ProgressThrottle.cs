using System.Diagnostics;

namespace DimensionStore;

/// <summary>Passes on at most five reports a second, and the last. Thread-safe: workers add what they have done.</summary>
internal sealed class ProgressThrottle(IProgress<WordNetImportProgress>? progress, double total)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);

    private readonly Lock _lock = new();
    private long _lastReport = Stopwatch.GetTimestamp();
    private double _done;

    /// <summary>Counts work as done.</summary>
    public void Add(double amount, string activity)
    {
        if (progress is null)
        {
            return;
        }

        lock (_lock)
        {
            _done += amount;
            long now = Stopwatch.GetTimestamp();
            if (Stopwatch.GetElapsedTime(_lastReport, now) < s_interval)
            {
                return;
            }

            _lastReport = now;
            // Inside the lock, so that fractions arrive in order.
            progress.Report(new WordNetImportProgress(activity, Math.Min(1, _done / total)));
        }
    }

    /// <summary>Reports the end.</summary>
    public void Complete(string activity) => progress?.Report(new WordNetImportProgress(activity, 1));
}

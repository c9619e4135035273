namespace DimensionStore.Memory.Tests.Accounting;

/// <summary>A time that stands still, and timers that fire when a test says so.</summary>
internal sealed class ManualTimers : TimeProvider
{
    private readonly List<ManualTimer> _timers = [];

    /// <summary>How many timers wait to fire.</summary>
    internal int ArmedCount => _timers.Count(static timer => timer.DueTime is not null);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ManualTimer timer = new(callback, state);
        timer.Change(dueTime, period);
        _timers.Add(timer);
        return timer;
    }

    /// <summary>Fires what waits, once.</summary>
    internal void Fire()
    {
        foreach (ManualTimer timer in _timers.Where(static timer => timer.DueTime is not null).ToArray())
        {
            timer.Fire();
        }
    }

    private sealed class ManualTimer(TimerCallback callback, object? state) : ITimer
    {
        private bool _disposed;

        internal TimeSpan? DueTime { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            DueTime = _disposed || dueTime == Timeout.InfiniteTimeSpan ? null : dueTime;
            return !_disposed;
        }

        public void Dispose()
        {
            _disposed = true;
            DueTime = null;
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        internal void Fire()
        {
            DueTime = null;
            callback(state);
        }
    }
}

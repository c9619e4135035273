namespace DimensionStore.Memory;

/// <summary>
/// Trims allocators by itself: what was idle at two looks in a row, beyond what is worth keeping, goes back to the operating system. For programs with peaks that do not know when one is over.
/// </summary>
/// <remarks>
/// <para>
/// Two looks, because a program that frees and allocates in waves would otherwise pay for giving memory back and faulting it in again with each wave: the idea is the decay of jemalloc's and
/// mimalloc's purging, by the whole allocator instead of by the page. An allocator is trimmed from a thread of the pool, which takes its locks as any caller of
/// <see cref="MemoryAllocator.Trim"/> does; memory that was given back costs a page fault when it is used again.
/// </para>
/// <para>
/// A look takes the allocator's statistics. References are weak, so that being watched keeps no allocator alive, and a disposed one is left out. Thread-safe. Nothing runs while nothing is watched.
/// </para>
/// </remarks>
public sealed class BackgroundTrimmer : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Watched> _watched = [];
    private readonly ITimer _timer;
    private long _returnedBytes;
    private long _trims;
    private Exception? _lastError;
    private bool _disposed;

    /// <summary>Creates a trimmer that watches nothing yet.</summary>
    /// <param name="options">When to trim; the defaults when null.</param>
    /// <param name="time">Where the timer comes from; the system by default.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public BackgroundTrimmer(BackgroundTrimOptions? options = null, TimeProvider? time = null)
    {
        Options = options ?? new BackgroundTrimOptions();
        if (Options.Interval < TimeSpan.FromMilliseconds(10) || Options.Interval > TimeSpan.FromDays(1))
        {
            throw new ArgumentOutOfRangeException(nameof(options), Options.Interval, "Interval must be 10 ms to a day.");
        }

        if (!(Options.KeepFraction is >= 0 and <= 1000))
        {
            throw new ArgumentOutOfRangeException(nameof(options), Options.KeepFraction, "KeepFraction must be 0 to 1,000.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(Options.KeepBytes, nameof(options.KeepBytes));
        _timer = (time ?? TimeProvider.System).CreateTimer(static trimmer => ((BackgroundTrimmer)trimmer!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>When it trims.</summary>
    public BackgroundTrimOptions Options { get; }

    /// <summary>Bytes given back so far.</summary>
    public long ReturnedBytes => Volatile.Read(ref _returnedBytes);

    /// <summary>How many times an allocator was trimmed so far.</summary>
    public long TrimCount => Volatile.Read(ref _trims);

    /// <summary>
    /// What went wrong last, or null: the operating system refused, or a handler of an event that trimming raises threw. The allocator is as it was, and is trimmed again when more is idle.
    /// On the timer's thread there is nobody to throw it to.
    /// </summary>
    public Exception? LastError => Volatile.Read(ref _lastError);

    /// <summary>Watches an allocator; a second call for the same one does nothing.</summary>
    /// <param name="allocator">A thread-safe allocator. It stays the caller's.</param>
    /// <exception cref="ArgumentException">The allocator is not thread-safe, so nobody but its own thread may trim it.</exception>
    /// <exception cref="ObjectDisposedException">This trimmer is disposed.</exception>
    public void Watch(MemoryAllocator allocator)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        if (!allocator.IsThreadSafe)
        {
            throw new ArgumentException($"{allocator.Name} is not thread-safe: it cannot be trimmed from another thread. Call its Trim.", nameof(allocator));
        }

        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (Find(allocator) < 0)
            {
                _watched.Add(new Watched(allocator));
                if (_watched.Count == 1)
                {
                    Rest();
                }
            }
        }
    }

    /// <summary>Watches an allocator no longer; false when it was not watched. A trim that is under way is finished.</summary>
    public bool Unwatch(MemoryAllocator allocator)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        lock (_lock)
        {
            int at = Find(allocator);
            if (at >= 0)
            {
                _watched.RemoveAt(at);
            }

            return at >= 0;
        }
    }

    /// <summary>Stops watching. A trim that is under way is finished.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _watched.Clear();
        }

        _timer.Dispose();
    }

    private int Find(MemoryAllocator allocator) => _watched.FindIndex(watched => watched.Allocator.TryGetTarget(out MemoryAllocator? other) && ReferenceEquals(other, allocator));

    // Once and not periodically: a round that takes long must not meet the next.
    private void Rest() => _timer.Change(Options.Interval, Timeout.InfiniteTimeSpan);

    private void Look()
    {
        Watched[] round;
        lock (_lock)
        {
            _watched.RemoveAll(static watched => !watched.Allocator.TryGetTarget(out _));
            round = [.. _watched];
        }

        foreach (Watched watched in round)
        {
            if (watched.Allocator.TryGetTarget(out MemoryAllocator? allocator) && !LookAt(watched, allocator))
            {
                Unwatch(allocator);
            }
        }

        lock (_lock)
        {
            if (!_disposed && _watched.Count > 0)
            {
                Rest();
            }
        }
    }

    /// <summary>Trims an allocator if it is time; false when it is disposed.</summary>
    private bool LookAt(Watched watched, MemoryAllocator allocator)
    {
        try
        {
            AllocatorStatistics now = allocator.GetStatistics();
            long steady = Math.Min(watched.IdleBytes, now.IdleBytes);
            watched.IdleBytes = now.IdleBytes;
            if (steady <= Math.Max(Options.KeepBytes, now.LiveBytes * Options.KeepFraction))
            {
                watched.Stubborn = 0;
                return true;
            }

            if (now.IdleBytes <= watched.Stubborn)
            {
                return true;
            }

            // Noted before, so that it also holds when trimming throws: what did not go back is not asked for again and again.
            watched.Stubborn = now.IdleBytes;
            long returned = allocator.Trim();
            Interlocked.Increment(ref _trims);
            Interlocked.Add(ref _returnedBytes, returned);
            watched.IdleBytes = allocator.GetStatistics().IdleBytes;
            watched.Stubborn = watched.IdleBytes;
            return true;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
        catch (Exception error)
        {
            Volatile.Write(ref _lastError, error);
            return true;
        }
    }

    private sealed class Watched(MemoryAllocator allocator)
    {
        internal WeakReference<MemoryAllocator> Allocator { get; } = new(allocator);

        /// <summary>Idle at the last look.</summary>
        internal long IdleBytes { get; set; }

        /// <summary>What stayed idle though it was trimmed.</summary>
        internal long Stubborn { get; set; }
    }
}

namespace DimensionStore.Memory;

/// <summary>
/// One limit shared by several consumers: mapped regions, pools, decompressed layers. Charges are atomic and never exceed the limit.
/// Thread-safe.
/// </summary>
public sealed class MemoryBudget
{
    private readonly MemoryBudget? _parent;
    private long _usedBytes;
    private long _peakBytes;
    private int _level;

    /// <summary>Creates a budget.</summary>
    /// <param name="name">Name used in errors.</param>
    /// <param name="limitBytes">The limit, more than 0.</param>
    /// <param name="thresholds">When pressure rises; the store's policy by default.</param>
    public MemoryBudget(string name, long limitBytes, PressureThresholds? thresholds = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limitBytes);
        Name = name;
        LimitBytes = limitBytes;
        Thresholds = thresholds ?? PressureThresholds.DimensionStore;
    }

    /// <summary>Creates a budget inside another one: what is charged here is charged there too.</summary>
    internal MemoryBudget(string name, long limitBytes, MemoryBudget? parent)
        : this(name, limitBytes)
    {
        _parent = parent;
    }

    /// <summary>Raised on the charging or releasing thread, after the change, when the level differs from the last one raised. A handler must not throw.</summary>
    public event EventHandler<PressureChangedEventArgs>? PressureChanged;

    /// <summary>Name used in errors.</summary>
    public string Name { get; }

    /// <summary>The limit in bytes.</summary>
    public long LimitBytes { get; }

    /// <summary>When pressure rises.</summary>
    public PressureThresholds Thresholds { get; }

    /// <summary>Bytes charged now.</summary>
    public long UsedBytes => Volatile.Read(ref _usedBytes);

    /// <summary>Highest <see cref="UsedBytes"/> so far.</summary>
    public long PeakBytes => Volatile.Read(ref _peakBytes);

    /// <summary>Bytes that may still be charged.</summary>
    public long AvailableBytes => LimitBytes - UsedBytes;

    /// <summary>The pressure now.</summary>
    public PressureLevel Pressure => Thresholds.LevelOf(UsedBytes, LimitBytes);

    /// <summary>Charges bytes, or answers false and charges nothing when they do not fit.</summary>
    public bool TryCharge(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        long used = Volatile.Read(ref _usedBytes);
        while (true)
        {
            if (bytes > LimitBytes - used)
            {
                return false;
            }

            long seen = Interlocked.CompareExchange(ref _usedBytes, used + bytes, used);
            if (seen == used)
            {
                break;
            }

            used = seen;
        }

        bool fits = false;
        try
        {
            fits = _parent is null || _parent.TryCharge(bytes);
        }
        finally
        {
            if (!fits)
            {
                Interlocked.Add(ref _usedBytes, -bytes);
            }
        }

        if (!fits)
        {
            return false;
        }

        Peak.Raise(ref _peakBytes, used + bytes);
        try
        {
            RaisePressure();
        }
        catch
        {
            // A handler failed: the caller gets its error and not the bytes, so they must not stay charged.
            Interlocked.Add(ref _usedBytes, -bytes);
            _parent?.Release(bytes);
            throw;
        }

        return true;
    }

    /// <summary>This budget, or the one around it when it is that one that has no room for so many bytes.</summary>
    internal MemoryBudget ObstacleFor(long bytes) => _parent is not null && bytes <= AvailableBytes ? _parent.ObstacleFor(bytes) : this;

    /// <summary>Charges bytes.</summary>
    /// <exception cref="LimitExceededException">They do not fit; nothing was charged.</exception>
    public void Charge(long bytes)
    {
        if (!TryCharge(bytes))
        {
            throw new LimitExceededException(Name, bytes, UsedBytes, LimitBytes);
        }
    }

    /// <summary>Gives charged bytes back.</summary>
    /// <exception cref="InvalidOperationException">More would be released than is charged.</exception>
    public void Release(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        long now = Interlocked.Add(ref _usedBytes, -bytes);
        if (now < 0)
        {
            Interlocked.Add(ref _usedBytes, bytes);
            throw new InvalidOperationException($"{Name}: {bytes:N0} bytes released, {now + bytes:N0} were charged.");
        }

        _parent?.Release(bytes);
        RaisePressure();
    }

    /// <summary>Raises the level until the one last raised is that of the bytes charged: of two threads that change the budget at once, the later change has the last word.</summary>
    private void RaisePressure()
    {
        while (true)
        {
            long used = UsedBytes;
            PressureLevel level = Thresholds.LevelOf(used, LimitBytes);
            PressureLevel previous = (PressureLevel)Interlocked.Exchange(ref _level, (int)level);
            if (previous == level)
            {
                return;
            }

            PressureChanged?.Invoke(this, new PressureChangedEventArgs(previous, level, used, LimitBytes));
        }
    }
}

using System.Globalization;

namespace DimensionStore.Memory;

/// <summary>One owner's line in an <see cref="OwnerLedger"/>. Thread-safe.</summary>
internal sealed class OwnerAccount(OwnerId owner, int slot, long limitBytes)
{
    private readonly Lock _lock = new();
    private long _limitBytes = limitBytes;
    private long _usedBytes;
    private long _peakBytes;
    private long _allocations;
    private long _frees;
    private long _refusals;
    private WeakReference? _lifetime;
    private Func<bool>? _isAlive;
    private bool _ended;

    /// <summary>Whose it is.</summary>
    internal OwnerId Owner { get; } = owner;

    /// <summary>Its number in the ledger: 1 to <see cref="OwnerLedger.MaxOwners"/>.</summary>
    internal int Slot { get; } = slot;

    /// <summary>The most that may be charged.</summary>
    internal long LimitBytes
    {
        get => Volatile.Read(ref _limitBytes);
        set => Volatile.Write(ref _limitBytes, value);
    }

    /// <summary>Bytes charged.</summary>
    internal long UsedBytes => Volatile.Read(ref _usedBytes);

    /// <summary>A snapshot.</summary>
    internal OwnerUsage Usage
    {
        get
        {
            // Frees first, so that the difference is not negative while threads run.
            long frees = Volatile.Read(ref _frees);
            long allocations = Volatile.Read(ref _allocations);
            return new OwnerUsage
            {
                Owner = Owner,
                UsedBytes = UsedBytes,
                PeakBytes = Volatile.Read(ref _peakBytes),
                LimitBytes = LimitBytes,
                LiveBlocks = allocations - frees,
                AllocationCount = allocations,
                FreeCount = frees,
                RefusedCount = Volatile.Read(ref _refusals),
                HasEnded = Volatile.Read(ref _ended),
            };
        }
    }

    /// <summary>Charges a block, or answers false and charges nothing when it does not fit or the owner has ended.</summary>
    internal bool TryCharge(long bytes)
    {
        if (!TryChargeMore(bytes))
        {
            return false;
        }

        Interlocked.Increment(ref _allocations);
        return true;
    }

    /// <summary>Charges what a block grows by.</summary>
    internal bool TryChargeMore(long bytes)
    {
        long used = Volatile.Read(ref _usedBytes);
        while (true)
        {
            if (bytes > LimitBytes - used || Volatile.Read(ref _ended))
            {
                Interlocked.Increment(ref _refusals);
                return false;
            }

            long seen = Interlocked.CompareExchange(ref _usedBytes, used + bytes, used);
            if (seen == used)
            {
                break;
            }

            used = seen;
        }

        long peak = Volatile.Read(ref _peakBytes);
        while (used + bytes > peak)
        {
            long seen = Interlocked.CompareExchange(ref _peakBytes, used + bytes, peak);
            if (seen == peak)
            {
                break;
            }

            peak = seen;
        }

        return true;
    }

    /// <summary>Gives the bytes of a block back.</summary>
    internal void Release(long bytes)
    {
        ReleaseSome(bytes);
        Interlocked.Increment(ref _frees);
    }

    /// <summary>Gives back what a block shrank by.</summary>
    internal void ReleaseSome(long bytes) => Interlocked.Add(ref _usedBytes, -bytes);

    /// <summary>Undoes a charge whose block there was no memory for.</summary>
    internal void Cancel(long bytes)
    {
        ReleaseSome(bytes);
        Interlocked.Decrement(ref _allocations);
    }

    /// <summary>The error for a charge that failed.</summary>
    /// <param name="requestedBytes">What was asked for.</param>
    /// <param name="blockBytes">What would have been charged, where that is the block and not what was asked for.</param>
    internal LimitExceededException LimitReached(long requestedBytes, long blockBytes = 0) => Volatile.Read(ref _ended)
        ? new LimitExceededException($"owner {Owner}", requestedBytes, UsedBytes, LimitBytes, "The owner has ended and gets no more blocks. Register it again to start anew.", Owner)
        : new LimitExceededException($"owner {Owner}", requestedBytes, UsedBytes, LimitBytes, (blockBytes > requestedBytes ? string.Create(CultureInfo.InvariantCulture, $"The block takes {blockBytes:N0} bytes, which is what an owner is charged. ") : string.Empty) + "Free some of its blocks or raise its limit.", Owner);

    /// <summary>Starts a life.</summary>
    internal void Begin(object? lifetime, Func<bool>? isAlive)
    {
        lock (_lock)
        {
            _lifetime = lifetime is null ? null : new WeakReference(lifetime);
            _isAlive = isAlive;
            Volatile.Write(ref _ended, false);
        }
    }

    /// <summary>Ends it.</summary>
    internal bool End()
    {
        lock (_lock)
        {
            bool wasAlive = !_ended;
            Volatile.Write(ref _ended, true);
            return wasAlive;
        }
    }

    /// <summary>Whether it has ended; notices when the lifetime object is gone or the callback says so.</summary>
    internal bool HasEnded()
    {
        WeakReference? lifetime;
        Func<bool>? isAlive;
        lock (_lock)
        {
            if (_ended)
            {
                return true;
            }

            lifetime = _lifetime;
            isAlive = _isAlive;
        }

        // Outside the lock: the callback is a stranger's code. A life that was begun anew in between is not ended by what was said about the one before.
        if (lifetime is { IsAlive: false } || (isAlive is not null && !isAlive()))
        {
            lock (_lock)
            {
                if (ReferenceEquals(lifetime, _lifetime) && ReferenceEquals(isAlive, _isAlive))
                {
                    Volatile.Write(ref _ended, true);
                }

                return _ended;
            }
        }

        return false;
    }
}

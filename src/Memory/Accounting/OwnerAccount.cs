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
    private bool _mayEnd;

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

    /// <summary>Its live blocks.</summary>
    internal long LiveBlocks => Volatile.Read(ref _allocations) - Volatile.Read(ref _frees);

    /// <summary>Whether so much could be charged now. Without a limit anything could: whether there is as much memory is not said here.</summary>
    internal bool HasRoom(long bytes) => !Volatile.Read(ref _ended) && (LimitBytes == long.MaxValue || bytes <= LimitBytes - UsedBytes);

    /// <summary>
    /// Charges a block that is there, or answers false and charges nothing when it does not fit or the owner has ended. After the allocator has found the block and not before: a request that
    /// it cannot serve would meanwhile take the owner's other requests the limit away, and leave its size behind as the peak.
    /// </summary>
    internal bool TryCharge(long bytes)
    {
        if (!TryReserve(bytes))
        {
            return false;
        }

        NoteBlock();
        return true;
    }

    /// <summary>Counts a block whose bytes are reserved.</summary>
    internal void NoteBlock()
    {
        Interlocked.Increment(ref _allocations);
        NotePeak();
    }

    /// <summary>Counts a block that took another's place, whose bytes it is charged with.</summary>
    internal void NoteMove()
    {
        NoteBlock();
        Interlocked.Increment(ref _frees);
    }

    /// <summary>Counts a request that the limit refused.</summary>
    internal void NoteRefusal() => Interlocked.Increment(ref _refusals);

    /// <summary>Charges bytes that may be given back at once (<see cref="ReleaseSome"/>); once they are in use, <see cref="NotePeak"/> says so.</summary>
    internal bool TryReserve(long bytes)
    {
        long used = Volatile.Read(ref _usedBytes);
        while (true)
        {
            if (bytes > LimitBytes - used || Volatile.Read(ref _ended))
            {
                return false;
            }

            long seen = Interlocked.CompareExchange(ref _usedBytes, used + bytes, used);
            if (seen == used)
            {
                return true;
            }

            used = seen;
        }
    }

    /// <summary>Raises the peak to what is used.</summary>
    internal void NotePeak() => Peak.Raise(ref _peakBytes, UsedBytes);

    /// <summary>Gives the bytes of a block back.</summary>
    internal void Release(long bytes)
    {
        ReleaseSome(bytes);
        Interlocked.Increment(ref _frees);
    }

    /// <summary>Gives back what a block shrank by.</summary>
    internal void ReleaseSome(long bytes) => Interlocked.Add(ref _usedBytes, -bytes);

    /// <summary>The error for a charge that failed.</summary>
    /// <param name="requestedBytes">What was asked for.</param>
    /// <param name="blockBytes">What would have been charged, where that is the block and not what was asked for.</param>
    internal LimitExceededException LimitReached(long requestedBytes, long blockBytes = 0) => !Volatile.Read(ref _ended)
        ? LimitReached(Owner, requestedBytes, blockBytes, UsedBytes, LimitBytes)
        : new LimitExceededException($"owner {Owner}", requestedBytes, UsedBytes, LimitBytes, $"The owner has ended and gets no more blocks. Register it again to start anew: {nameof(OwnerLedger)}.{nameof(OwnerLedger.Register)}, or Set-MemoryOwner with a limit.", Owner);

    /// <summary>The error for an owner who has reached a limit.</summary>
    internal static LimitExceededException LimitReached(OwnerId owner, long requestedBytes, long blockBytes, long usedBytes, long limitBytes) =>
        new($"owner {owner}", requestedBytes, usedBytes, limitBytes, (blockBytes > requestedBytes ? string.Create(CultureInfo.InvariantCulture, $"The block takes {blockBytes:N0} bytes, which is what an owner is charged. ") : string.Empty) + "Free some of its blocks or raise its limit.", owner);

    /// <summary>Starts a life.</summary>
    /// <param name="lifetime">Held weakly; or null.</param>
    /// <param name="isAlive">Asked; or null.</param>
    /// <param name="more">Counts the accounts of which <see cref="HasEnded"/> may be true.</param>
    internal void Begin(object? lifetime, Func<bool>? isAlive, ref int more)
    {
        lock (_lock)
        {
            _lifetime = lifetime is null ? null : new WeakReference(lifetime);
            _isAlive = isAlive;
            Volatile.Write(ref _ended, false);
            SetMayEnd(lifetime is not null || isAlive is not null, ref more);
        }
    }

    /// <summary>Ends it; false when it had ended before.</summary>
    internal bool End(ref int more)
    {
        lock (_lock)
        {
            bool wasAlive = !_ended;
            Volatile.Write(ref _ended, true);
            SetMayEnd(true, ref more);
            return wasAlive;
        }
    }

    private void SetMayEnd(bool mayEnd, ref int more)
    {
        if (mayEnd != _mayEnd)
        {
            Volatile.Write(ref _mayEnd, mayEnd);
            Interlocked.Add(ref more, mayEnd ? 1 : -1);
        }
    }

    /// <summary>Whether it has ended; notices when the lifetime object is gone or the callback says so.</summary>
    internal bool HasEnded()
    {
        if (!Volatile.Read(ref _mayEnd))
        {
            return false;
        }

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

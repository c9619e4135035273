namespace DimensionStore.Memory;

/// <summary>What is there: look-ups, statistics, enumeration, integrity; and giving back: reset, trim, dispose.</summary>
public sealed unsafe partial class ReservePool
{
    // What a dictionary takes per entry: bucket, hash, link, key, value.
    private const int EntryBytes = 48;

    /// <inheritdoc/>
    public override nuint UsableSize(nint address)
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            _ = ref LiveLocked(address);
            return ElementBytes;
        }
    }

    /// <inheritdoc/>
    public override bool Owns(nint address)
    {
        lock (_lock)
        {
            return !_disposed && _elements.TryGetValue(address, out Element element) && !element.IsLeaving;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Where the allocator beneath refuses an element, the others are given back first, and that one stays live.</remarks>
    /// <exception cref="MemoryFaultException">What the allocator beneath said of the first element that it refused.</exception>
    public override void Reset()
    {
        nint[] leaving;
        int departure;
        lock (_lock)
        {
            ThrowIfDisposed();
            departure = NextDepartureLocked();
            leaving = new nint[Math.Max(0, LiveElements - Math.Max(0, _minimum - _ready.Count))];
            int count = 0;
            foreach ((nint address, Element seen) in _elements)
            {
                if (seen.IsLeaving)
                {
                    continue;
                }

                // Changing or removing what the enumeration is at is allowed.
                EndLifeLocked(ref LiveLocked(address), departure);
                if (_ready.Count < _minimum)
                {
                    RefillLocked(address, departure);
                }
                else
                {
                    leaving[count++] = address;
                }
            }
        }

        Exception? error = GiveBack(leaving, out int refused);
        lock (_lock)
        {
            for (int i = 0; i < leaving.Length; i++)
            {
                HasLeftLocked(leaving[i], departure, isRefused: i < refused);
            }
        }

        ThrowIfAny(error);
    }

    /// <inheritdoc/>
    /// <remarks>Trims the allocator beneath. The reserve stays.</remarks>
    public override long Trim()
    {
        lock (_lock)
        {
            ThrowIfDisposed();
        }

        return _source.Trim();
    }

    /// <inheritdoc/>
    /// <remarks>Reserved, committed and idle bytes and the limit are those of the allocator beneath, whoever uses it; the rest is the pool's.</remarks>
    public override AllocatorStatistics GetStatistics()
    {
        AllocatorStatistics source = _disposed ? default : _source.GetStatistics();
        lock (_lock)
        {
            return _disposed ? _last : Snapshot(source);
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockInfo> EnumerateBlocks()
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            BlockInfo[] blocks = new BlockInfo[LiveElements];
            int count = 0;
            foreach ((nint address, Element element) in LiveOnesLocked())
            {
                blocks[count++] = new BlockInfo(address, (long)element.Requested, (long)ElementBytes, element.Owner, Age: null);
            }

            return blocks;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Those of the allocator beneath.</remarks>
    public override IEnumerable<MemoryExtent> EnumerateExtents()
    {
        lock (_lock)
        {
            ThrowIfDisposed();
        }

        return _source.EnumerateExtents();
    }

    /// <inheritdoc/>
    public override IReadOnlyList<AllocatorGroup> GetGroups()
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            return [new AllocatorGroup(AllocatorGroupKind.SizeClass, $"{ElementBytes} B", LiveElements, LiveElements * (long)ElementBytes, _ready.Count, CommittedBytes: 0, LimitBytes: 0)];
        }
    }

    /// <inheritdoc/>
    /// <remarks>Checks the pool, not the allocator beneath. While other threads allocate and free, elements on their way are not looked at.</remarks>
    public override IntegrityReport CheckIntegrity()
    {
        List<string> violations = [];
        lock (_lock)
        {
            ThrowIfDisposed();
            HashSet<nint> seen = [.. _elements.Keys];
            foreach ((nint address, _) in LiveOnesLocked())
            {
                Expect(violations, _source.Owns(address), $"The live element at 0x{address:x} is no live block of {_source.Name}: somebody freed it there.");
            }

            foreach (nint address in _ready)
            {
                bool owned = _source.Owns(address);
                Expect(violations, owned, $"The element at 0x{address:x} in the reserve is no live block of {_source.Name}: somebody freed it there.");
                Expect(violations, seen.Add(address), $"The element at 0x{address:x} is in the reserve and also live or there twice.");
                int written = owned && _options.Poison ? FirstWritten(address) : -1;
                Expect(violations, written < 0, $"Byte {written} of the element at 0x{address:x} in the reserve was written to after it was freed.");
            }

            Expect(violations, _ready.Count <= _minimum, $"{_ready.Count:N0} elements are in the reserve, at most {_minimum:N0} were expected.");
            Expect(violations, _allocations - _frees == LiveElements, $"{_allocations:N0} allocations less {_frees:N0} frees are not {LiveElements:N0} live elements.");
            return new IntegrityReport(LiveElements + _ready.Count, violations);
        }
    }

    /// <inheritdoc/>
    protected internal override bool TryChargeBeside(long bytes) => _source.TryChargeBeside(bytes);

    /// <inheritdoc/>
    protected internal override void RefundBeside(long bytes) => _source.RefundBeside(bytes);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        AllocatorStatistics source = _disposed ? default : _source.GetStatistics();
        nint[] all;
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            all = [.. LiveOnesLocked().Select(pair => pair.Key), .. _ready];
            _last = Snapshot(source).AfterDispose();
            _disposed = true;
        }

        if (_options.OwnsSource)
        {
            _source.Dispose();
            return;
        }

        Exception? error = GiveBack(all, out _);
        if (error is not ObjectDisposedException)
        {
            ThrowIfAny(error);
        }

        // Otherwise the allocator beneath went first and took its memory with it.
    }

    private IEnumerable<KeyValuePair<nint, Element>> LiveOnesLocked() => _elements.Where(pair => !pair.Value.IsLeaving);

    private static void Expect(List<string> violations, bool holds, string violation)
    {
        if (!holds)
        {
            violations.Add(violation);
        }
    }

    private int FirstWritten(nint address)
    {
        const int Step = 1 << 20;
        for (nuint at = 0; at < ElementBytes; at += Step)
        {
            int found = new ReadOnlySpan<byte>((byte*)address + at, (int)nuint.Min(Step, ElementBytes - at)).IndexOfAnyExcept(PoisonByte);
            if (found >= 0)
            {
                return (int)nuint.Min(at + (nuint)found, int.MaxValue);
            }
        }

        return -1;
    }

    private AllocatorStatistics Snapshot(AllocatorStatistics source) => new()
    {
        ReservedBytes = source.ReservedBytes,
        CommittedBytes = source.CommittedBytes,
        PeakCommittedBytes = source.PeakCommittedBytes,
        IdleBytes = source.IdleBytes,
        UnbackedBytes = source.UnbackedBytes,
        LimitBytes = source.LimitBytes,
        LiveBytes = LiveElements * (long)ElementBytes,
        RequestedBytes = _requestedBytes,
        PeakLiveBytes = _peakLive * (long)ElementBytes,
        LiveBlocks = LiveElements,
        AllocationCount = _allocations,
        FreeCount = _frees,
        FailedAllocationCount = _failures,
        MetadataBytes = source.MetadataBytes + ((long)_elements.Capacity * EntryBytes) + ((long)_ready.Capacity * sizeof(nint)),
    };
}

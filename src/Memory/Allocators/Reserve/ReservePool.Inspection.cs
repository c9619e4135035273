namespace DimensionStore.Memory;

/// <summary>What is there: look-ups, statistics, enumeration, integrity; and giving back: reset, trim, dispose.</summary>
public sealed unsafe partial class ReservePool
{
    // What a dictionary and a stack take per entry: bucket, hash, link, key, value.
    private const int EntryBytes = 48;

    /// <inheritdoc/>
    public override nuint UsableSize(nint address)
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            return _live.ContainsKey(address) ? ElementBytes : throw FaultLocked(address);
        }
    }

    /// <inheritdoc/>
    public override bool Owns(nint address)
    {
        lock (_lock)
        {
            return !_disposed && _live.ContainsKey(address);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Where the allocator beneath refuses an element, the others are given back first, and that one stays live.</remarks>
    /// <exception cref="MemoryFaultException">What the allocator beneath said of the first element that it refused.</exception>
    public override void Reset()
    {
        Dictionary<nint, Element> surplus = [];
        lock (_lock)
        {
            ThrowIfDisposed();
            foreach ((nint address, Element element) in _live)
            {
                if (_ready.Count < _minimum)
                {
                    Keep(address);
                    _refilled++;
                }
                else
                {
                    surplus.Add(address, element);
                }
            }

            _frees += _live.Count;
            _requestedBytes = 0;
            _live.Clear();
        }

        List<nint> refused = [];
        if (GiveBack(surplus.Keys, refused.Add) is { } fault)
        {
            lock (_lock)
            {
                refused.ForEach(address => ReviveLocked(address, surplus[address]));
            }

            throw fault;
        }
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
            BlockInfo[] blocks = new BlockInfo[_live.Count];
            int count = 0;
            foreach ((nint address, Element element) in _live)
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
            return [new AllocatorGroup(AllocatorGroupKind.SizeClass, $"{ElementBytes} B", _live.Count, _live.Count * (long)ElementBytes, _ready.Count, CommittedBytes: 0, LimitBytes: 0)];
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
            HashSet<nint> seen = [.. _live.Keys];
            foreach (nint address in _live.Keys)
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
            Expect(violations, _allocations - _frees == _live.Count, $"{_allocations:N0} allocations less {_frees:N0} frees are not {_live.Count:N0} live elements.");
            return new IntegrityReport(_live.Count + _ready.Count, violations);
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

            _last = Snapshot(source).AfterDispose();
            _disposed = true;
            all = [.. _live.Keys, .. _ready];
        }

        if (_options.OwnsSource)
        {
            _source.Dispose();
        }
        else if (GiveAllBack(all) is { } fault)
        {
            throw fault;
        }
    }

    private MemoryFaultException? GiveAllBack(nint[] elements)
    {
        try
        {
            return GiveBack(elements, refused: null);
        }
        catch (ObjectDisposedException)
        {
            // The allocator beneath went first and took its memory with it.
            return null;
        }
    }

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
        LiveBytes = _live.Count * (long)ElementBytes,
        RequestedBytes = _requestedBytes,
        PeakLiveBytes = _peakLive * (long)ElementBytes,
        LiveBlocks = _live.Count,
        AllocationCount = _allocations,
        FreeCount = _frees,
        FailedAllocationCount = _failures,
        MetadataBytes = source.MetadataBytes + ((long)_live.Capacity * EntryBytes) + ((long)_ready.Capacity * sizeof(nint)),
    };
}

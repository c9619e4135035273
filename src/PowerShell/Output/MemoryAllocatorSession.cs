using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>An allocator, as <c>New-MemoryAllocator</c> gives it and <c>-Allocator</c> takes it, by object or by name. All sizes are bytes.</summary>
public sealed class MemoryAllocatorSession : BlockSource
{
    private readonly MemoryAllocator _outermost;
    private readonly OwnerQuotaLayer? _quotas;
    private readonly FaultLog _faults;
    private int _disposed;

    private MemoryAllocatorSession(string name, AllocatorKind kind, MemoryBudget budget, MemoryAllocator core, DiagnosticLayer? diagnosis, LatencyLayer? latency)
    {
        Name = name;
        Kind = kind.Name;
        Budget = budget;
        Core = core;
        Diagnosis = diagnosis;
        Latency = latency;
        MemoryAllocator watched = diagnosis ?? (MemoryAllocator?)latency ?? core;
        if (core is SegregatedAllocator segregated)
        {
            // It has owners of its own, and its collector goes by them.
            Owners = segregated.Owners;
            Collector = new GlobalCollector(segregated);
        }
        else
        {
            OwnerQuotaLayer quotas = new(watched);
            Owners = quotas.Owners;
            _quotas = quotas;
        }

        // Outermost, so that it tells of what limits of owners refuse, too.
        EventLayer events = new(_quotas ?? watched, budget, name);
        _outermost = events;
        _faults = new FaultLog(name);
        if (diagnosis is not null)
        {
            diagnosis.FaultFound += OnFaultFound;
        }
    }

    /// <summary>Its name in this process, unlike any other's.</summary>
    public string Name { get; }

    /// <summary>Which allocator of the toolkit it is: general, slab, buddy, …</summary>
    public string Kind { get; }

    /// <inheritdoc/>
    public override bool IsOpen => Volatile.Read(ref _disposed) == 0;

    /// <summary>Blocks in use.</summary>
    public long LiveBlocks => Statistics.LiveBlocks;

    /// <summary>Usable bytes in them.</summary>
    public long LiveBytes => Statistics.LiveBytes;

    /// <summary>Bytes committed.</summary>
    public long CommittedBytes => Statistics.CommittedBytes;

    /// <summary>The most it may commit.</summary>
    public long LimitBytes => Budget.LimitBytes;

    /// <summary>How near the limit it is.</summary>
    public PressureLevel Pressure => Budget.Pressure;

    /// <summary>Every statistic, as of now; after <c>Remove-MemoryAllocator</c> the last ones.</summary>
    public AllocatorStatistics Statistics => _outermost.GetStatistics();

    /// <summary>Misuse that was found and that no command was told of by an error of its own: blocks written to after they were freed, and damage found when blocks were given up all at once. The first 10,000, also after <c>Remove-MemoryAllocator</c>; what is found takes a <c>-Diagnostic</c>.</summary>
    public IReadOnlyList<MemoryFaultInfo> Findings => _faults.All;

    /// <summary>The blocks that were in use when it was removed, the first 10,000; empty before. Places, times and stacks are known with a <c>-Diagnostic</c>.</summary>
    public IReadOnlyList<MemoryFaultInfo> Leaks { get; private set; } = [];

    /// <summary>What it commits is charged here; its event <c>PressureChanged</c> tells of the thresholds.</summary>
    public MemoryBudget Budget { get; }

    /// <inheritdoc/>
    internal override MemoryAllocator Blocks => _outermost;

    /// <inheritdoc/>
    internal override MemoryBudget MemoryBudget => Budget;

    /// <summary>The allocator without the layers around it, for what only its kind can do.</summary>
    internal MemoryAllocator Core { get; }

    /// <summary>Times of allocating and freeing; null without <c>-MeasureLatency</c>.</summary>
    public LatencySummary? AllocationLatency => Latency?.Allocations.GetSummary();

    /// <inheritdoc cref="AllocationLatency"/>
    public LatencySummary? FreeLatency => Latency?.Frees.GetSummary();

    /// <summary>The layer that measures, where it was asked for.</summary>
    internal LatencyLayer? Latency { get; }

    /// <summary>The layer that looks for misuse, where one was asked for.</summary>
    internal DiagnosticLayer? Diagnosis { get; }

    /// <summary>Who has how much, and may have.</summary>
    internal OwnerLedger Owners { get; }

    /// <summary>What collects; null where the kind cannot.</summary>
    internal GlobalCollector? Collector { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <inheritdoc/>
    internal override string ShownName => Name;

    /// <inheritdoc/>
    internal override string Describe() => $"allocator {Name}";

    /// <summary>Makes an allocator with owners, and with diagnostics where options are given.</summary>
    internal static MemoryAllocatorSession Create(string name, AllocatorKind kind, long limitBytes, DiagnosticOptions? diagnostics, bool measureLatency)
    {
        // Each kind by its own policy, so that the thresholds are those that its specification names.
        MemoryBudget budget = new(name, limitBytes, kind.AllocatorType == typeof(SegregatedAllocator) ? PressureThresholds.SegregatedManager : PressureThresholds.DimensionStore);
        MemoryAllocator core = kind.Create(new AllocatorSettings { CapacityBytes = limitBytes, Budget = budget });

        // Times are the allocator's own, so what looks for misuse lies around what measures.
        LatencyLayer? latency = measureLatency ? new LatencyLayer(core, sampleEvery: 1) : null;
        DiagnosticLayer? diagnosis = diagnostics is null ? null : new DiagnosticLayer((MemoryAllocator?)latency ?? core, diagnostics);
        return new MemoryAllocatorSession(name, kind, budget, core, diagnosis, latency);
    }

    /// <summary>Frees every block of an owner.</summary>
    internal void FreeOwner(OwnerId owner)
    {
        lock (BlockGate)
        {
            if (Core is SegregatedAllocator segregated)
            {
                // It frees through the layers around it, so that a diagnosis sees its blocks go, and events tell it; what lies in quarantine leaves that.
                segregated.FreeOwner(owner);
                return;
            }

            // Through the outermost layer, for the same reason.
            foreach (BlockInfo block in _quotas!.GetOwnerBlocks(owner))
            {
                _outermost.Free(block.Address);
            }
        }
    }

    /// <summary>Sets what an owner may have. One that has ended starts anew.</summary>
    internal void LimitOwner(OwnerId owner, long limitBytes)
    {
        Owners.SetLimit(owner, limitBytes);
        if (Owners.HasEnded(owner))
        {
            Owners.Register(owner);
        }
    }

    /// <summary>Says that an owner has ended.</summary>
    internal void EndOwner(OwnerId owner) => Owners.End(owner);

    /// <summary>Gives all memory back. A second call does nothing.</summary>
    internal void Close()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            lock (BlockGate)
            {
                try
                {
                    Leaks = Diagnosis is null ? [.. _outermost.EnumerateBlocks().Take(DiagnosticLayer.MaxRecords).Select(LeakOf)] : [];
                }
                finally
                {
                    _outermost.Dispose();
                }

                if (Diagnosis is not null)
                {
                    Leaks = [.. Diagnosis.Leaks.Select(leak => new MemoryFaultInfo(Name, leak))];
                }
            }
        }
    }

    /// <summary>Checks every invariant, and looks for misuse where there is a diagnosis.</summary>
    internal MemoryAllocatorTest Check()
    {
        List<MemoryFaultInfo> damaged = [];
        IntegrityReport report;
        lock (BlockGate)
        {
            foreach (MemoryFaultRecord fault in Diagnosis?.Check().Faults ?? [])
            {
                // The diagnosis tells of a free block once, and of a live one as long as it is damaged.
                if (fault.Fault == MemoryFault.UseAfterFree)
                {
                    _faults.Add(fault);
                }
                else
                {
                    damaged.Add(new MemoryFaultInfo(Name, fault));
                }
            }

            report = _outermost.CheckIntegrity();
        }

        // All are in the result, so nobody else need be told.
        _faults.TakeUntold(0);
        IReadOnlyList<MemoryFaultInfo> kept = _faults.All;
        return new MemoryAllocatorTest(Name, report, [.. report.Violations, .. kept.Select(fault => fault.ToString())], [.. kept, .. damaged]);
    }

    /// <summary>Collects.</summary>
    internal CollectorStatistics Collect(GlobalCollector collector, CollectionStrategy strategy)
    {
        lock (BlockGate)
        {
            return collector.Collect(strategy);
        }
    }

    /// <inheritdoc cref="FaultLog.TakeUntold"/>
    internal (IReadOnlyList<MemoryFaultInfo> Some, int More) TakeUntoldFaults(int most) => _faults.TakeUntold(most);

    private void OnFaultFound(object? sender, FaultFoundEventArgs e)
    {
        // Leaks have a list of their own.
        if (e.Fault.Fault != MemoryFault.Leak)
        {
            _faults.Add(e.Fault);
        }
    }

    private MemoryFaultInfo LeakOf(BlockInfo block) => new(Name, new MemoryFaultRecord
    {
        Allocator = Name,
        Fault = MemoryFault.Leak,
        Address = block.Address,
        SizeBytes = block.RequestedBytes,
        Owner = block.Owner,
        AllocatedAt = block.Age is { } age ? DateTimeOffset.UtcNow - age : null,
        Detail = "the block was allocated and not freed.",
    });
}

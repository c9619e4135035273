using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Finds misuse of the blocks of any allocator, in release builds: overruns, underruns, use after free, double, foreign and wrong-size frees, leaks, a second thread where only one may be.
/// </summary>
/// <remarks>
/// <para>
/// What a call meets is thrown as <see cref="MemoryFaultException"/>, and the block stays as it was. What is found elsewhere, when a block leaves the quarantine, at reset and at dispose, raises
/// <see cref="FaultFound"/> and is kept in <see cref="Findings"/>. <see cref="Check"/> looks at every block there is.
/// </para>
/// <para>
/// As thread-safe as the allocator beneath; one that is not is refused to every thread but the first that uses it. The usable size of a block is exactly what was asked for, so that
/// writing one byte more is a fault. Statistics are those of the layer's blocks; limits and committed memory are those beneath, plus the guard pages. Blocks taken from <see cref="AllocatorLayer.Inner"/>
/// directly are not known here.
/// </para>
/// <para>
/// <see cref="Reset"/> and <see cref="MemoryAllocator.Dispose()"/> wait for the blocks that other threads are giving back at this moment, handlers of events beneath that run meanwhile included. So a handler may reset or dispose
/// the layer itself, but must not wait for another thread that does: both would wait for ever.
/// </para>
/// </remarks>
public sealed unsafe partial class DiagnosticLayer : AllocatorLayer
{
    private readonly BlockRecordTable _records = new();
    private readonly AllocationStacks _stacks = new();
    private readonly Quarantine _quarantine;
    private readonly GuardPages? _pages;
    private readonly Action<nint> _leavePages;
    private readonly OwnerLedger? _ledger;
    private readonly bool _hasCanaries;
    private readonly bool _isForOneThread;
    private readonly bool _isCollectedBeneath;
    private readonly bool _keepsOwners;
    private UnderWay _underWay;
    private readonly RandomSample _stackSample;
    private readonly RandomSample _pageSample;
    private int _owningThread;
    private int _resetsBegun;
    private int _resetsEnded;

    // Its own handlers of events beneath may allocate, after the fact.
    private int _resettingThread;
    private long _failedAllocations;

    /// <summary>Puts the layer around an allocator, which from now on is used through it alone.</summary>
    /// <param name="inner">The allocator beneath; disposed with the layer.</param>
    /// <param name="options">What to look for: canaries and a quarantine by default.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number in <paramref name="options"/> is negative.</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space for guard pages.</exception>
    public DiagnosticLayer(MemoryAllocator inner, DiagnosticOptions? options = null)
        : base(inner)
    {
        try
        {
            options ??= new DiagnosticOptions();
            ArgumentOutOfRangeException.ThrowIfNegative(options.QuarantineBytes, nameof(options.QuarantineBytes));
            ArgumentOutOfRangeException.ThrowIfNegative(options.GuardPagesEvery, nameof(options.GuardPagesEvery));
            ArgumentOutOfRangeException.ThrowIfNegative(options.StackEvery, nameof(options.StackEvery));
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.GuardPageBytes, nameof(options.GuardPageBytes));
            Options = options;
            _hasCanaries = options.Canaries;
            _isForOneThread = !inner.IsThreadSafe;
            _isCollectedBeneath = inner.CollectsByItself;
            _keepsOwners = inner.Ledger is not null;
            _quarantine = new Quarantine(options.QuarantineBytes);
            _stackSample = new RandomSample(options.StackEvery);
            _pageSample = new RandomSample(options.GuardPagesEvery);
            _pages = options.GuardPagesEvery > 0 ? new GuardPages($"{Name} guard pages", options.GuardPageBytes, inner) : null;
            _leavePages = LeavePages;
            _ledger = _pages is null ? null : inner.Ledger;
        }
        catch
        {
            Withdraw();
            throw;
        }
    }

    /// <summary>What it looks for.</summary>
    public DiagnosticOptions Options { get; }

    /// <summary>The records themselves, so that a test can damage one and see the check find it.</summary>
    internal BlockRecordTable Records => _records;

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) =>
        Take(size, alignment, options, owner, AllocationSiteScope.Current, throws: true);

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        address = Take(size, alignment, options, owner, AllocationSiteScope.Current, throws: false);
        return address != 0;
    }

    /// <summary>Allocates like <see cref="Allocate"/> and records file and line of the caller, which the compiler fills in, for every report about the block.</summary>
    /// <inheritdoc cref="Allocate"/>
    public nint AllocateTracked(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        Take(size, alignment, options, owner, AllocationSiteTable.NumberOf(file, line), throws: true);

    /// <inheritdoc/>
    public override void Free(nint address) => Release(address, 0, sized: false);

    /// <inheritdoc/>
    /// <remarks>The size must be exactly what was asked for, whatever the allocator beneath remembers.</remarks>
    public override void FreeSized(nint address, nuint size) => Release(address, size, sized: true);

    /// <inheritdoc/>
    /// <remarks>Exactly the bytes asked for.</remarks>
    public override nuint UsableSize(nint address)
    {
        CheckThread();
        BlockRecordTable.Shard shard = _records.ShardOf(address);
        BlockRecord seen = default;
        shard.Lock.Enter();
        try
        {
            ThrowIfClosed(shard);
            BlockRecord* record = shard.Find(address);
            if (record is not null && record->IsLive)
            {
                return (nuint)record->Requested;
            }

            seen = record is null ? default : *record;
        }
        finally
        {
            shard.Lock.Exit();
        }

        throw Refusal(Misuse(address, seen));
    }

    /// <inheritdoc/>
    public override bool Owns(nint address) => TryLook(address, out BlockRecord record) && record.IsLive;

    internal override bool TryFindOwner(nint address, out OwnerId owner)
    {
        bool isLive = TryLook(address, out BlockRecord record) && record.IsLive;
        owner = isLive ? new OwnerId(record.Owner) : default;
        return isLive;
    }

    /// <summary>Where a block on pages of its own is charged; null where nobody charges.</summary>
    private OwnerAccount? AccountOf(in BlockRecord block) => _ledger is null || block.Owner == 0 ? null : _ledger.TryAccountOf(new OwnerId(block.Owner));

    /// <summary>Copies the record of an address, whatever its state; false where there is none, or the layer is disposed.</summary>
    private bool TryLook(nint address, out BlockRecord record)
    {
        BlockRecordTable.Shard shard = _records.ShardOf(address);
        shard.Lock.Enter();
        BlockRecord* found = shard.IsClosed ? null : shard.Find(address);
        record = found is null ? default : *found;
        shard.Lock.Exit();
        return found is not null;
    }

    private void CountLive(long bytes) => Peak.Raise(ref _peakLiveBytes, Interlocked.Add(ref _liveBytes, bytes));

    private void CheckThread()
    {
        if (_isForOneThread)
        {
            int thread = Environment.CurrentManagedThreadId;
            if (_owningThread != thread)
            {
                int owner = Interlocked.CompareExchange(ref _owningThread, thread, 0);
                if (owner != 0)
                {
                    throw new WrongThreadException(Name, owner, thread);
                }
            }
        }
    }

    private void ThrowIfClosed(BlockRecordTable.Shard shard) => ObjectDisposedException.ThrowIf(shard.IsClosed, this);
}

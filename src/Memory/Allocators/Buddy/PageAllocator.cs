using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// What the allocators over buddy areas have in common: the contract, pages by order, growth within a limit. <see cref="BuddyAllocator"/> has one area, <see cref="ZoneAllocator"/> one
/// per zone.
/// </summary>
/// <remarks>Thread-safe, by one lock that is held for tens of nanoseconds, or for a system call where memory is committed or given back. Events are raised outside of it.</remarks>
public abstract unsafe partial class PageAllocator : MemoryAllocator
{
    /// <summary>Less is not worth the calls of the system.</summary>
    internal const int LeastGiveBackBytes = 32 << 10;

    private const int CallsWhileGrowing = 4;

    private readonly BuddyOptions _options;
    private readonly BlockMemory _memory;
    private readonly BuddyArea[] _areas;
    private readonly string[] _areaNames;
    private AllocatorLock _lock;
    private KeepingRule _keeping;
    private GivingBackRule _givingBack;
    private long _allocations;
    private long _frees;
    private long _failures;
    private long _liveBlocks;
    private long _liveBytes;
    private long _requestedBytes;
    private long _peakLiveBytes;
    private bool _disposed;

    /// <summary>Lays areas over a reservation of their own.</summary>
    /// <param name="name">Name in errors.</param>
    /// <param name="options">Geometry, limit, budget; resolved.</param>
    /// <param name="parts">The areas, ascending, each from a multiple of the largest block on; one over the whole capacity when there are none.</param>
    private protected PageAllocator(string name, BuddyOptions options, IReadOnlyList<(string Name, long Offset, long Bytes)>? parts = null)
    {
        IReadOnlyList<(string Name, long Offset, long Bytes)> areas = parts ?? [("", 0, options.CapacityBytes)];
        int blockShift = BitOperations.Log2((ulong)options.PageblockBytes);
        Name = name;
        _options = options;
        _memory = new BlockMemory(name, areas[^1].Offset + areas[^1].Bytes, options.MaxBlockBytes, options.LimitBytes, options.Budget);
        _areas = new BuddyArea[areas.Count];
        _areaNames = new string[areas.Count];
        try
        {
            for (int i = 0; i < areas.Count; i++)
            {
                _areaNames[i] = areas[i].Name;
                _areas[i] = new BuddyArea(_memory, _memory.Start + (nint)areas[i].Offset, (int)(areas[i].Bytes >> blockShift), BitOperations.Log2((uint)options.MinBlockBytes), blockShift, BitOperations.Log2((ulong)options.MaxBlockBytes), parks: !options.GivesBackAtOnce);
            }
        }
        catch
        {
            foreach (BuddyArea? area in _areas)
            {
                area?.Dispose();
            }

            _memory.Dispose();
            throw;
        }
    }

    /// <summary>Why a request cannot be served as things are.</summary>
    private protected enum Obstacle
    {
        None,
        Space,
        Uncommitted,
        NoGrow,
        Watermark,
        Limit,
        System,
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override bool IsThreadSafe => true;

    /// <summary>The smallest block in bytes.</summary>
    public int MinBlockBytes => _options.MinBlockBytes;

    /// <summary>The largest block in bytes; also the largest alignment.</summary>
    public long MaxBlockBytes => _options.MaxBlockBytes;

    /// <summary>The unit of grouping by mobility in bytes.</summary>
    public long PageblockBytes => _options.PageblockBytes;

    /// <summary>The highest order that <see cref="AllocatePages"/> takes.</summary>
    public int MaxPageOrder => BitOperations.Log2((ulong)MaxBlockBytes / (uint)VirtualMemory.PageSize);

    /// <summary>Usable bytes in live blocks, without a lock.</summary>
    internal long LiveBytes => Volatile.Read(ref _liveBytes);

    private protected ReadOnlySpan<BuddyArea> Areas => _areas;

    private protected nint Start => _memory.Start;

    /// <summary>The areas themselves, so that a test can damage one and see the integrity check find it.</summary>
    internal ReadOnlySpan<BuddyArea> AreasForTest
    {
        get
        {
            EnterSettled();
            ExitLock();
            return _areas;
        }
    }

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) =>
        AllocateCore(size, alignment, options, owner, throws: true, _areas.Length - 1);

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        address = AllocateCore(size, alignment, options, owner, throws: false, _areas.Length - 1);
        return address != 0;
    }

    /// <summary>Like <see cref="TryAllocate(nuint, out nint, nuint, AllocationOptions, OwnerId)"/>, and says which of the block's bytes take no memory yet.</summary>
    internal bool TryAllocate(nuint size, out nint address, out CleanRun clean, nuint alignment, AllocationOptions options, OwnerId owner)
    {
        address = AllocateCore(size, alignment, options, owner, throws: false, _areas.Length - 1, out clean);
        return address != 0;
    }

    /// <summary>Allocates 2^<paramref name="order"/> pages of the system, aligned to their size (the kernel's <c>alloc_pages</c>).</summary>
    /// <param name="order">0 to <see cref="MaxPageOrder"/>.</param>
    /// <param name="mobility">With which blocks they shall share a pageblock.</param>
    /// <param name="options">Zeroing, growth.</param>
    /// <param name="owner">Tag for accounting.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such order or mobility.</exception>
    /// <exception cref="AllocationFailedException">No block of that size can be provided.</exception>
    /// <exception cref="LimitExceededException">The block would go over the limit or budget.</exception>
    public nint AllocatePages(int order, PageMobility mobility = PageMobility.Unmovable, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        return AllocatePagesCore(order, mobility, options, owner, _areas.Length - 1);
    }

    /// <summary>Allocates 2^<paramref name="order"/> pages near a node of a NUMA machine (the kernel's <c>alloc_pages_node</c>); else like <see cref="AllocatePages"/>.</summary>
    /// <param name="node">The node's number, or −1 for any. A hint: memory comes from wherever the system places it, on the first touch usually the node of the thread that touches it.</param>
    /// <param name="order">0 to <see cref="MaxPageOrder"/>.</param>
    /// <param name="mobility">With which blocks they shall share a pageblock.</param>
    /// <param name="options">Zeroing, growth.</param>
    /// <param name="owner">Tag for accounting.</param>
    /// <exception cref="ArgumentOutOfRangeException">The node is below −1, or there is no such order or mobility.</exception>
    /// <exception cref="AllocationFailedException">No block of that size can be provided.</exception>
    /// <exception cref="LimitExceededException">The block would go over the limit or budget.</exception>
    public nint AllocatePagesOnNode(int node, int order, PageMobility mobility = PageMobility.Unmovable, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(node, -1);
        return AllocatePages(order, mobility, options, owner);
    }

    /// <summary>Gives pages back and checks that there were 2^<paramref name="order"/> (the kernel's <c>__free_pages</c>).</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such order.</exception>
    /// <exception cref="MemoryFaultException">As for <see cref="FreeSized"/>; nothing has changed.</exception>
    public void FreePages(nint address, int order) => FreeSized(address, BytesOfOrder(order));

    /// <inheritdoc/>
    public override void Free(nint address) => FreeCore(address, 0, sized: false);

    /// <inheritdoc/>
    /// <remarks>The size asked for is remembered, so <paramref name="size"/> must be exactly that.</remarks>
    public override void FreeSized(nint address, nuint size) => FreeCore(address, size, sized: true);

    /// <inheritdoc/>
    /// <remarks>A shorter block stays where it is and gives its end back. A longer one stays when the memory behind it is free, up to the end of the pageblock where it ends; what of that is not committed is committed within limit and budget.</remarks>
    public override nint Reallocate(nint address, nuint size, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        return TryResize(address, size) ? address : base.Reallocate(address, size, owner);
    }

    /// <inheritdoc/>
    protected internal override void NoteSize(nint address, nuint size) => TryResize(address, size);

    /// <inheritdoc/>
    protected internal override bool TryResizeInPlace(nint address, nuint size) => TryResize(address, size);

    /// <summary>Whether a block of an area may become longer where it is. Under the lock.</summary>
    private protected virtual bool MayLengthenLocked(int area, long granules) => true;

    /// <summary>Finds a place for a request in one of the areas. Under the lock.</summary>
    private protected virtual Obstacle FindLocked(in BuddyRequest request, AllocationOptions options, bool committedOnly, out int area, out BuddyPlace place)
    {
        area = 0;
        return (committedOnly ? _areas[0].TryFindCommitted(request, out place) : _areas[0].TryFind(request, out place)) ? Obstacle.None : Obstacle.Space;
    }

    /// <summary>Called after blocks of an area were given back or became longer or shorter. Under the lock.</summary>
    private protected virtual void ChangedLocked(int area)
    {
    }

    /// <summary>Called after a block was taken from an area for a request that would have taken a higher one. Under the lock.</summary>
    private protected virtual void TakenLocked(int area, int highest)
    {
    }

    /// <summary>Called when a request has failed for good. Under the lock.</summary>
    private protected virtual void FailedLocked(int highest)
    {
    }

    /// <summary>Raises what has to be raised since the last call. Outside the lock.</summary>
    private protected virtual void RaiseEvents()
    {
    }

    /// <summary>Asks whoever can to free memory before a request fails. Outside the lock.</summary>
    /// <returns>Whether it is worth trying again.</returns>
    private protected virtual bool TryReclaim(nuint size, int highest) => false;

    private protected nint AllocatePagesCore(int order, PageMobility mobility, AllocationOptions options, OwnerId owner, int highest)
    {
        nuint bytes = BytesOfOrder(order);
        AllocationOptions kind = mobility switch
        {
            PageMobility.Unmovable => AllocationOptions.None,
            PageMobility.Reclaimable => AllocationOptions.Reclaimable,
            PageMobility.Movable => AllocationOptions.Movable,
            _ => throw new ArgumentOutOfRangeException(nameof(mobility), mobility, "Expected Unmovable, Reclaimable or Movable."),
        };
        return AllocateCore(bytes, bytes, options | kind, owner, throws: true, highest);
    }

    private protected void EnterLock()
    {
        _lock.Enter();
        if (_disposed)
        {
            _lock.Exit();
            throw new ObjectDisposedException(GetType().FullName);
        }
    }

    /// <summary>Takes the lock and merges what is parked, for whoever looks at free blocks.</summary>
    private protected void EnterSettled()
    {
        EnterLock();
        foreach (BuddyArea area in _areas)
        {
            area.Settle();
        }
    }

    private protected void ExitLock() => _lock.Exit();

    private nuint BytesOfOrder(int order)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(order, MaxPageOrder);
        return (nuint)VirtualMemory.PageSize << order;
    }
}

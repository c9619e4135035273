using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// The specification's memory manager: segregated free blocks over one reservation, with owners and their limits, pressure, collection and access by address.
/// </summary>
/// <remarks>
/// <para>
/// Any size up to the capacity: 12 small and 15 medium buckets found in constant time, an ordered tree of larger blocks for the best fit. Blocks are cut to a multiple of
/// 16 bytes, what is left over stays free, and a freed block is merged with its free neighbours and can be handed out again at once. Everything the allocator knows lies outside
/// the blocks: writing to a block that was freed, or over the end of one, cannot damage it, and double, foreign and interior frees are found in every build.
/// </para>
/// <para>
/// Thread-safe: one lock, biased to the thread that uses it most. Memory is committed as it is needed and goes back to the system with <see cref="Trim"/> and
/// with collections. There is no finalizer: a forgotten allocator keeps its memory, because somebody may still hold an address.
/// </para>
/// </remarks>
public sealed unsafe partial class SegregatedAllocator : MemoryAllocator
{
    private const nuint LargestAlignment = 1 << 30;
    internal const long LargestCapacity = 60L << 30;
    private const int GranuleShift = SegregatedHeap.GranuleShift;
    private const uint None = SegregatedHeap.None;

    // Blocks above this take the long way, where sizes are checked against the capacity.
    private const nuint LargestQuickBytes = 1 << 20;

    private readonly SegregatedHeap _heap;
    private readonly BlockMemory _memory;
    private readonly OwnerLedger _owners;

    // The address space: the capacity in whole pages.
    private readonly long _capacityBytes;
    private BiasedLock _lock;
    private OwnerTags? _tags;

    // Made with the tags. What ended before had no owner, and was plain: of such blocks only the heap remembers some.
    private const int EndedPlacesLog = 8;
    private LastLives? _ended;
    private IAllocatorObserver? _observer;
    private long _failures;

    // False once somebody listens or has named an owner: then every block takes the way on which that is minded.
    private bool _isPlain;

    // Plain, and used by one thread at a time: then a free need not mark the block for others.
    private bool _isQuick;

    /// <summary>Creates an allocator with the specification's defaults: 1 GiB.</summary>
    public SegregatedAllocator()
        : this(new SegregatedOptions())
    {
    }

    /// <summary>Creates an allocator.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The capacity is not 1 byte to 60 GiB, or the collection threshold is not positive.</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    public SegregatedAllocator(SegregatedOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.CapacityBytes, nameof(options.CapacityBytes));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.CapacityBytes, LargestCapacity, nameof(options.CapacityBytes));
        ArgumentNullException.ThrowIfNull(options.Thresholds, nameof(options.Thresholds));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.CollectionThreshold, nameof(options.CollectionThreshold));
        CollectionThreshold = options.CollectionThreshold;
        long page = Math.Max(VirtualMemory.PageSize, (long)SegregatedHeap.PageGranules << GranuleShift);
        _capacityBytes = (options.CapacityBytes + page - 1) / page * page;
        _owners = options.Owners ?? new OwnerLedger();
        _thresholds = options.Thresholds;
        _memory = new BlockMemory(Name, _capacityBytes, page, options.CapacityBytes, options.Budget);
        try
        {
            _heap = new SegregatedHeap(_memory);
        }
        catch
        {
            _memory.Dispose();
            throw;
        }

        _observer = options.Observer;
        SetPlain(_observer is null);
        _givesBackBelow = Math.Max(1, FirstOf(PressureLevel.Critical) - (long)((CapacityBytes >> GranuleShift) * (PercentToFall / 100)));
        SetPressureBounds(PressureLevel.Normal);
    }

    /// <inheritdoc/>
    public override string Name => "SegregatedAllocator";

    /// <inheritdoc/>
    public override bool IsThreadSafe => true;

    /// <summary>The most that may be committed, in bytes.</summary>
    public long CapacityBytes => _memory.LimitBytes;

    /// <summary>Who is told what happens, or null. May be changed at any time; operations under way may still be reported to the one before.</summary>
    public IAllocatorObserver? Observer
    {
        get => Volatile.Read(ref _observer);
        set
        {
            BiasedLock.Record? entered = _lock.Enter();
            Volatile.Write(ref _observer, value);
            SetPlain(value is null && _tags is null && _protected is null && _collectables is null);
            _lock.Exit(entered);
        }
    }

    /// <summary>The heap, so that a test can damage its tables and see the integrity check find it.</summary>
    internal SegregatedHeap Heap => _heap;

    /// <summary>Creates an allocator of a capacity.</summary>
    public static SegregatedAllocator WithCapacity(long capacityBytes) => new(new SegregatedOptions { CapacityBytes = capacityBytes });

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        if (size - 1 < LargestQuickBytes && alignment == DefaultAlignment && ((int)options | owner.Value) == 0)
        {
            nint address = AllocateQuick(size);
            if (address != 0)
            {
                return address;
            }
        }

        return AllocateFully(size, alignment, options, owner, throws: true);
    }

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        address = size - 1 < LargestQuickBytes && alignment == DefaultAlignment && ((int)options | owner.Value) == 0 ? AllocateQuick(size) : 0;
        if (address == 0)
        {
            address = AllocateFully(size, alignment, options, owner, throws: false);
        }

        return address != 0;
    }

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        _heap.FetchBlock(address);
        if (!_lock.TryEnterBiased(out BiasedLock.Record? entered))
        {
            FreeUnbiased(address, 0, sized: false);
            return;
        }

        uint start = _heap.GranuleAt(address);
        uint granules = start == None ? 0 : _heap.LiveLength(start);
        if (granules != 0 && _isQuick)
        {
            _heap.Give(start, granules);
            _lock.Exit(entered);
            CheckPressure();
            return;
        }

        _lock.Exit(entered);
        FreeFully(address, 0, sized: false);
    }

    /// <inheritdoc/>
    /// <remarks>The size must be one that is rounded to the block's: between its usable size less 15 and its usable size, or for a block with an owner any up to 32.</remarks>
    public override void FreeSized(nint address, nuint size)
    {
        _heap.FetchBlock(address);
        if (!_lock.TryEnterBiased(out BiasedLock.Record? entered))
        {
            FreeUnbiased(address, size, sized: true);
            return;
        }

        uint start = _heap.GranuleAt(address);
        uint granules = start == None ? 0 : _heap.LiveLength(start);
        if (granules != 0 && _isQuick && ((nuint)granules << GranuleShift) - size < (nuint)1 << GranuleShift)
        {
            _heap.Give(start, granules);
            _lock.Exit(entered);
            CheckPressure();
            return;
        }

        _lock.Exit(entered);
        FreeFully(address, size, sized: true);
    }

    /// <inheritdoc/>
    public override nuint UsableSize(nint address) => SizeAndOwnerOf(address, out _);

    /// <inheritdoc/>
    public override bool Owns(nint address)
    {
        BiasedLock.Record? entered;
        try
        {
            entered = _lock.Enter();
        }
        catch (ObjectDisposedException)
        {
            return false;
        }

        uint start = _heap.GranuleAt(address);
        bool owns = start != None && _heap.LiveLength(start) != 0;
        _lock.Exit(entered);
        return owns;
    }

    private nuint SizeAndOwnerOf(nint address, out OwnerId owner)
    {
        BiasedLock.Record? entered = _lock.Enter();
        uint start = _heap.GranuleAt(address);
        uint granules = start == None ? 0 : _heap.LiveLength(start);
        if (granules == 0)
        {
            throw FaultAndExit(address, entered);
        }

        owner = OwnerOf(start, granules);
        _lock.Exit(entered);
        return (nuint)granules << GranuleShift;
    }

    /// <summary>Takes a block without owner and options from what is committed; 0 when there is none or somebody listens.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private nint AllocateQuick(nuint size)
    {
        uint granules = (uint)((size + ((1 << GranuleShift) - 1)) >> GranuleShift);
        BiasedLock.Record? entered = _lock.Enter();
        uint start = _isPlain ? _heap.Take(granules) : None;
        _lock.Exit(entered);
        if (start == None)
        {
            return 0;
        }

        CheckPressure();
        return _heap.AddressOf(start);
    }

    /// <summary>Throws when the allocator is disposed, for what would otherwise say so only after it began, or something else before. It is the lock that knows: disposing closes it.</summary>
    private void ThrowIfDisposed() => _lock.Exit(_lock.Enter());

    /// <summary>Notes whether somebody minds single blocks. Under the lock.</summary>
    private void SetPlain(bool plain)
    {
        _isPlain = plain;
        _isQuick = plain && !_heap.IsShared;
    }

    /// <summary>The error for an address that is not a live block; gives the lock back.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private MemoryFaultException FaultAndExit(nint address, BiasedLock.Record? entered)
    {
        MemoryFaultException fault;
        try
        {
            fault = FaultLocked(address);
        }
        finally
        {
            _lock.Exit(entered);
        }

        Observer?.OnFault(this, fault);
        return fault;
    }

    /// <summary>Says what is wrong with an address that is not a live block.</summary>
    private MemoryFaultException FaultLocked(nint address)
    {
        nuint offset = (nuint)(address - _memory.Start);
        if (offset >= (nuint)_capacityBytes)
        {
            return new MemoryFaultException(Name, MemoryFault.ForeignFree, address, 0, OwnerId.None, "the address does not lie in this allocator's memory. Give it back where it came from.");
        }

        uint granule = (uint)(offset >> GranuleShift);
        uint start = _heap.StartOfBlockAround(granule);
        uint granules = start == None ? 0 : _heap.LiveLength(start);
        if (granules != 0)
        {
            nuint into = offset - ((nuint)start << GranuleShift);
            return new MemoryFaultException(Name, MemoryFault.NotABlockStart, address, (long)granules << GranuleShift, OwnerOf(start, granules), $"the address lies {into:N0} bytes into the live block at 0x{_heap.AddressOf(start):x}. Use the address that was handed out.");
        }

        if ((offset & ((1 << GranuleShift) - 1)) != 0 || !_heap.WasKnown(granule))
        {
            return new MemoryFaultException(Name, MemoryFault.NotABlockStart, address, 0, OwnerId.None, "no block can have started there. Use the address that was handed out.");
        }

        uint waiting = _heap.WaitingLength(granule);
        if (waiting != 0)
        {
            return new MemoryFaultException(Name, MemoryFault.DoubleFree, address, (long)waiting << GranuleShift, OwnerOf(granule, waiting), "the block is free already. Size and owner are those of its last life.");
        }

        // Once it is merged with its neighbours, a block's size and owner are forgotten when others have been.
        if (_ended is not null && _ended.TryGet(granule, out uint ended, out OwnerId former))
        {
            return new MemoryFaultException(Name, MemoryFault.DoubleFree, address, (long)ended << GranuleShift, former, "the block is free already. Size and owner are those of its last life.");
        }

        return _heap.LastLives.TryGet(granule, out uint last, out _)
            ? new MemoryFaultException(Name, MemoryFault.DoubleFree, address, (long)last << GranuleShift, OwnerId.None, "the block is free already. The size is that of its last life.")
            : new MemoryFaultException(Name, MemoryFault.DoubleFree, address, 0, OwnerId.None, "the address lies in free memory: its block was freed already, or none was ever handed out there.");
    }

    private OwnerId OwnerOf(uint start, uint granules)
    {
        int slot = _tags is null ? 0 : _tags.Get(start, granules);
        return slot == 0 ? OwnerId.None : _owners.AccountAt(slot).Owner;
    }
}

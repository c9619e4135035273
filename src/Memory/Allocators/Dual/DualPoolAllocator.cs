using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Two pools: small objects of 128 bytes and big blocks of 16 KiB, adjacent ones of which serve larger requests as a run. For programs whose objects are many and tiny or few and large.
/// </summary>
/// <remarks>
/// <para>
/// A request that fits a small object takes one; when the small pool is full it overflows into the big one. Every other request takes as many adjacent big blocks as it needs, at the
/// lowest address where they are free. Memory is committed as it is needed, up to what the plan says, and counted against the budget.
/// </para>
/// <para>
/// With canaries, which are on by default, an object that was written over at either end is refused when it is freed, by name, and stays live as evidence; <see cref="CheckCanaries"/>
/// finds all of them at any time. Thread-safe: one short lock. There is no finalizer.
/// </para>
/// </remarks>
public sealed unsafe partial class DualPoolAllocator : MemoryAllocator
{
    private const int MaxAlignment = DualPoolPlan.BigBlockBytes;

    private readonly SmallPool _small;
    private readonly BigPool _big;
    private readonly BlockMemory _memory;
    private readonly MemoryBudget? _budget;
    private readonly nuint _smallUsable;
    private readonly nuint _smallBytes;
    private readonly nuint _bigBytes;
    private readonly nint _tables;
    private readonly nuint _tablesBytes;
    private readonly bool _hasCanaries;
    private readonly bool _tracks;
    private AllocatorLock _lock;
    private bool _disposed;

    /// <summary>Creates the pools. Nothing is committed until it is needed.</summary>
    /// <param name="plan">How many objects of each kind.</param>
    /// <param name="options">Canaries and tracking; canaries only by default.</param>
    /// <param name="budget">A budget that committed memory is charged to, or null. Its events are raised while no lock of this allocator is held.</param>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    public DualPoolAllocator(DualPoolPlan plan, DualPoolOptions? options = null, MemoryBudget? budget = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        options ??= new DualPoolOptions();
        Plan = plan;
        Options = options;
        _budget = budget;
        _hasCanaries = options.Canaries;
        _tracks = options.TrackAllocations;
        _smallUsable = (nuint)(SmallPool.ObjectBytes - (_hasCanaries ? 2 * ObjectCanary.Bytes : 0));

        long slots = SmallPool.SlotsFor(plan.SmallCount);
        long smallLimit = CommittedTable.ReservedBytes(slots << SmallPool.ObjectShift);

        // Big blocks are aligned to their size, whatever the pages.
        long bigStart = (smallLimit + SmallPool.ChunkBytes - 1) / SmallPool.ChunkBytes * SmallPool.ChunkBytes;
        long bigBytes = BigPool.ReservedBytes(plan.BigCount);
        _memory = new BlockMemory(Name, bigStart + bigBytes, SmallPool.ChunkBytes, smallLimit + bigBytes, budget);
        _smallBytes = (nuint)(slots << SmallPool.ObjectShift);
        _bigBytes = (nuint)plan.BigCount << BigPool.BlockShift;

        long words = CommittedTable.ReservedBytes(slots * sizeof(ulong));
        long records = CommittedTable.ReservedBytes((long)plan.BigCount * sizeof(BigPool.Record));
        long smallStamps = _tracks ? CommittedTable.ReservedBytes(slots * sizeof(AllocationStamp)) : 0;
        long bigStamps = _tracks ? CommittedTable.ReservedBytes((long)plan.BigCount * sizeof(AllocationStamp)) : 0;
        _tablesBytes = (nuint)(words + records + smallStamps + bigStamps);
        try
        {
            _tables = VirtualMemory.Reserve(_tablesBytes);
        }
        catch
        {
            _memory.Dispose();
            throw;
        }

        nint table = _tables;
        CommittedTable wordTable = NextTable(words);
        CommittedTable recordTable = NextTable(records);
        CommittedTable? smallStampTable = _tracks ? NextTable(smallStamps) : null;
        CommittedTable? bigStampTable = _tracks ? NextTable(bigStamps) : null;
        _small = new SmallPool(plan.SmallCount, _memory, _memory.Start, wordTable, smallStampTable);
        _big = new BigPool(plan.BigCount, _hasCanaries, _memory, _memory.Start + (nint)bigStart, recordTable, bigStampTable);

        CommittedTable NextTable(long bytes)
        {
            table += (nint)bytes;
            return new CommittedTable(table - (nint)bytes, bytes);
        }
    }

    /// <inheritdoc/>
    public override string Name => "DualPoolAllocator";

    /// <inheritdoc/>
    public override bool IsThreadSafe => true;

    /// <summary>How many objects of each kind it holds.</summary>
    public DualPoolPlan Plan { get; }

    /// <summary>What it watches.</summary>
    public DualPoolOptions Options { get; }

    /// <summary>The largest request that takes a small object: 120 bytes with canaries, 128 without.</summary>
    public long SmallUsableBytes => (long)_smallUsable;

    /// <summary>The pools themselves, so that a test can damage one and see the check find it.</summary>
    internal (SmallPool Small, BigPool Big) Pools => (_small, _big);

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        nint address = alignment == DefaultAlignment ? AllocateSmall(size, options, owner, AllocationSiteTable.Unknown) : 0;
        return address != 0 ? address : AllocateOtherwise(size, alignment, options, owner, AllocationSiteTable.Unknown, throws: true);
    }

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        nint taken = alignment == DefaultAlignment ? AllocateSmall(size, options, owner, AllocationSiteTable.Unknown) : 0;
        address = taken != 0 ? taken : AllocateOtherwise(size, alignment, options, owner, AllocationSiteTable.Unknown, throws: false);
        return address != 0;
    }

    /// <summary>
    /// Allocates like <see cref="Allocate"/> and records file and line of the caller, which the compiler fills in. Without <see cref="DualPoolOptions.TrackAllocations"/> they are not kept.
    /// </summary>
    /// <inheritdoc cref="Allocate"/>
    public nint AllocateTracked(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        int site = _tracks ? AllocationSiteTable.NumberOf(file, line) : AllocationSiteTable.Unknown;
        nint address = alignment == DefaultAlignment ? AllocateSmall(size, options, owner, site) : 0;
        return address != 0 ? address : AllocateOtherwise(size, alignment, options, owner, site, throws: true);
    }

    /// <inheritdoc/>
    /// <remarks>An object whose canaries are damaged is refused with <see cref="MemoryFault.Overrun"/> or <see cref="MemoryFault.Underrun"/> and stays live, as evidence, until reset or dispose.</remarks>
    public override void Free(nint address) => Free(address, 0, sized: false);

    /// <inheritdoc/>
    /// <remarks>The size asked for is remembered, so <paramref name="size"/> must be exactly that.</remarks>
    public override void FreeSized(nint address, nuint size) => Free(address, size, sized: true);

    /// <inheritdoc/>
    public override nuint UsableSize(nint address)
    {
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            return Locate(address, out DualPool pool, out int index) ? UsableLocked(pool, index) : throw FaultLocked(address).ToException();
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <inheritdoc/>
    public override bool Owns(nint address)
    {
        _lock.Enter();
        bool owns = !_disposed && Locate(address, out _, out _);
        _lock.Exit();
        return owns;
    }

    /// <summary>The number of a live object, in constant time.</summary>
    /// <exception cref="MemoryFaultException">The address is not a live object's.</exception>
    public DualPoolSlot IndexOf(nint address)
    {
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            return Locate(address, out DualPool pool, out int index) ? new DualPoolSlot(pool, index) : throw FaultLocked(address).ToException();
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>The address of a live object by its number, in constant time.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The pool has no such number.</exception>
    /// <exception cref="MemoryFaultException">No live object has that number.</exception>
    public nint AddressOf(DualPoolSlot slot)
    {
        int count = slot.Pool == DualPool.Small ? _small.Slots : _big.Capacity;
        if (slot.Pool is not (DualPool.Small or DualPool.Big) || (uint)slot.Index >= (uint)count)
        {
            throw new ArgumentOutOfRangeException(nameof(slot), slot, $"The pool has numbers from 0 to {count - 1:N0}.");
        }

        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            nint address = slot.Pool == DualPool.Small ? _small.AddressOf(slot.Index) : slot.Index < _big.KnownBlocks ? _big.AddressOf(slot.Index) : 0;
            return Locate(address, out DualPool pool, out int index) && pool == slot.Pool && index == slot.Index
                ? address
                : throw new MemoryFaultException(Name, MemoryFault.NotABlockStart, address, 0, OwnerId.None, $"no live object has the number {slot.Index:N0} in the pool of {slot.Pool.ToString().ToLowerInvariant()} ones.");
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <inheritdoc/>
    protected internal override void NoteSize(nint address, nuint size)
    {
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            if (!Locate(address, out DualPool pool, out int index))
            {
                throw FaultLocked(address).ToException();
            }

            if (pool == DualPool.Small)
            {
                _small.NoteSize(index, (uint)size);
            }
            else
            {
                _big.NoteSize(index, size);
            }
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>Takes a small object that is committed and free; 0 when the request does not fit one or there is none, and then nothing has changed.</summary>
    private nint AllocateSmall(nuint size, AllocationOptions options, OwnerId owner, int site)
    {
        // A size of 0 becomes the largest there is.
        if (size - 1 >= _smallUsable)
        {
            return 0;
        }

        if (options != AllocationOptions.None)
        {
            return AllocateSmallWith(options, size, owner, site);
        }

        _lock.Enter();
        nint address = TakeSmallLocked(size, owner, site, out _);
        _lock.Exit();
        return address;
    }

    /// <summary>Takes a small object as options say; 0 also when there is an option that there is none of, which the other way refuses.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint AllocateSmallWith(AllocationOptions options, nuint size, OwnerId owner, int site)
    {
        if (!options.AreDefined())
        {
            return 0;
        }

        _lock.Enter();
        nint address = TakeSmallLocked(size, owner, site, out bool isZero);
        if (address != 0 && (options & AllocationOptions.Zeroed) != 0 && !isZero)
        {
            NativeMemory.Clear((void*)address, _smallUsable);
        }

        _lock.Exit();
        return address;
    }

    // Canaries before the lock is given back: a check on another thread must not find an object without them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private nint TakeSmallLocked(nuint size, OwnerId owner, int site, out bool isZero)
    {
        isZero = false;
        return !_disposed && _small.TryTake((uint)size, owner, out int index, out isZero) ? Mark(DualPool.Small, index, site) : 0;
    }

    private void Free(nint address, nuint size, bool sized)
    {
        MemoryFaultRecord? fault = null;
        PrefetchEnds(address);
        _lock.Enter();
        try
        {
            ThrowIfDisposed();
            if (!Locate(address, out DualPool pool, out int index))
            {
                fault = FaultLocked(address);
            }
            else if (sized && RequestedLocked(pool, index) != size)
            {
                fault = Describe(pool, index, MemoryFault.WrongSize, $"freed as {size:N0} bytes. Free with the size that was asked for.");
            }
            else if (_hasCanaries && !ObjectCanary.IsIntact(address, UsableLocked(pool, index)))
            {
                fault = DamageLocked(pool, index, address);
            }
            else if (pool == DualPool.Small)
            {
                _small.Return(index);
            }
            else
            {
                _big.Return(index);
            }
        }
        finally
        {
            _lock.Exit();
        }

        if (fault is not null)
        {
            throw fault.ToException();
        }
    }

    /// <summary>
    /// Asks memory for both canaries of the run of one block that may lie at an address. Each is in a page of its own that is in no cache as a rule, and the second one's place is known
    /// only after the record was read: three waits one after the other become one. For any address: nothing is read.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void PrefetchEnds(nint address)
    {
        if (_hasCanaries && (nuint)(address - _big.Blocks) < _bigBytes)
        {
            Prefetch.Line((void*)(address - ObjectCanary.Bytes));
            Prefetch.Line((void*)(_big.Blocks + ((address - _big.Blocks) | (BigPool.BlockBytes - 1))));
        }
    }

    /// <summary>Finds the live object that starts at an address. Under the lock.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Locate(nint address, out DualPool pool, out int index)
    {
        nuint offset = (nuint)(address - _small.Objects);
        if (offset < _smallBytes)
        {
            pool = DualPool.Small;
            index = (int)(offset >> SmallPool.ObjectShift);
            return (offset & (SmallPool.ObjectBytes - 1)) == 0 && SmallWord.IsLive(_small.WordOf(index));
        }

        pool = DualPool.Big;
        index = (nuint)(address - _big.Blocks) < _bigBytes ? _big.StartOf(address) : -1;
        return index >= 0 && _big.RecordOf(index)->State == BigPool.RunState.Live;
    }

    /// <summary>Writes canaries and stamp of an object that was just taken, and gives its address. Under the lock.</summary>
    private nint Mark(DualPool pool, int index, int site)
    {
        nint address = pool == DualPool.Small ? _small.AddressOf(index) : _big.AddressOf(index);
        if (_hasCanaries)
        {
            ObjectCanary.Write(address, UsableLocked(pool, index));
        }

        if (_tracks)
        {
            (pool == DualPool.Small ? ref _small.StampOf(index) : ref _big.StampOf(index)) = new AllocationStamp(DateTime.UtcNow.Ticks, site);
        }

        return address;
    }

    private nuint UsableLocked(DualPool pool, int index) => pool == DualPool.Small ? _smallUsable : _big.Usable(index);

    private nuint RequestedLocked(DualPool pool, int index) => pool == DualPool.Small ? SmallWord.Requested(_small.WordOf(index)) : (nuint)_big.RecordOf(index)->Requested;

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    private static void CheckAlignment(nuint alignment)
    {
        if (!BitOperations.IsPow2(alignment) || alignment > MaxAlignment)
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, $"Alignment must be a power of two, at most the {MaxAlignment:N0} bytes of a big block.");
        }
    }
}

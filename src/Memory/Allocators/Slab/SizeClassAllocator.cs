using System.Numerics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// What <see cref="SlabAllocator"/> and <see cref="GeneralAllocator"/> have in common: small blocks from slabs with a heap per thread, and the rest, if any, from an allocator of pages.
/// </summary>
/// <remarks>
/// Thread-safe. The thread that allocated a small block frees it without a lock and without an atomic operation; another thread with one.
/// The two fast paths, <see cref="Allocate"/> and <see cref="Free"/>, are written so that nothing is called but the look-up of the thread's heap and, in tail position, what
/// goes beyond: otherwise every register they use would have to be saved first, which costs as much as the work.
/// </remarks>
public abstract unsafe partial class SizeClassAllocator : MemoryAllocator
{
    private readonly long _id;
    private readonly SlabEngine _engine;
    private readonly BlockMemory _memory;
    private readonly PageAllocator? _large;
    private readonly MemoryBudget? _common;
    private AllocatorStatistics _last;

    private const string PagesGroup = "pages";

    /// <summary>Small blocks and, where parts from <see cref="WithPages"/> are given, larger ones from pages under the same limit.</summary>
    private protected SizeClassAllocator(string name, long limitBytes, MemoryBudget? budget, (MemoryBudget Common, PageAllocator Pages)? parts)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limitBytes);
        _common = parts?.Common;
        PageAllocator? large = parts?.Pages;
        budget = _common ?? budget;
        int chunks = SlabEngine.ChunksFor(limitBytes);
        Name = name;
        _large = large;
        _memory = new BlockMemory(name, (long)chunks * SlabChunks.ChunkBytes, SlabChunks.UnitBytes, limitBytes, budget);
        try
        {
            _engine = new SlabEngine(name, _memory, _memory.Start, chunks, SizeClasses.All) { Beside = large };
        }
        catch (VirtualMemoryException)
        {
            _memory.Dispose();
            throw;
        }

        _id = _engine.Id;
    }

    /// <inheritdoc/>
    public sealed override string Name { get; }

    /// <inheritdoc/>
    public sealed override bool IsThreadSafe => true;

    /// <summary>The largest limit with pages for what is larger than a slab's blocks: 256 GiB.</summary>
    internal const long MostLimitBytes = 1L << 38;

    /// <summary>The most that may be committed by both parts together.</summary>
    private long LimitBytes => _common?.LimitBytes ?? _memory.LimitBytes;

    /// <summary>The most that both parts had committed at once.</summary>
    private long PeakCommittedBytes => _common?.PeakBytes ?? _memory.PeakCommittedBytes;

    /// <summary>Makes the allocator of pages, with the limit that it shares with the slabs.</summary>
    /// <param name="name">Name of the whole.</param>
    /// <param name="limitBytes">The limit, at most 256 GiB.</param>
    /// <param name="keptIdleBytes">What it may keep of free pages; more goes back in step with what is freed.</param>
    /// <param name="budget">The caller's budget, or null.</param>
    private protected static (MemoryBudget Common, PageAllocator Pages) WithPages(string name, long limitBytes, long keptIdleBytes, MemoryBudget? budget)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limitBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limitBytes, MostLimitBytes);
        MemoryBudget common = new($"{name} limit", limitBytes, budget);

        // A quarter more address space than the limit, because exact runs leave gaps; and whole largest blocks of it: a smaller one at the end, the best fit for whatever comes first,
        // would need the headers of all pageblocks before it.
        long largest = Math.Max(BuddyOptions.DefaultPageblockBytes, (long)BitOperations.RoundUpToPowerOf2((ulong)limitBytes));
        long capacity = (limitBytes + (limitBytes / 4) + largest - 1) / largest * largest;
        return (common, new BuddyAllocator(name, new BuddyOptions { CapacityBytes = capacity, MaxBlockBytes = largest, LimitBytes = limitBytes, KeepIdleBytes = keptIdleBytes, IsPart = true, Budget = common }));
    }

    /// <summary>The slabs, so that a test can damage one.</summary>
    internal SlabEngine Engine => _engine;

    /// <inheritdoc/>
    public sealed override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        if (((alignment ^ DefaultAlignment) | (uint)options | (uint)owner.Value) != 0)
        {
            return AllocateOtherwise(size, alignment, options, owner);
        }

        SlabHeap* heap = (SlabHeap*)LastHeap.Current;
        return heap != null ? AllocateFrom(this, heap, _id, size) : AllocateOtherwise(size);
    }

    /// <summary>
    /// What most allocations consist of. Each of the other ways is one call, which leaves the heap where it was entered. Static, so that nothing asks first whether there is an allocator.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nint AllocateFrom(SizeClassAllocator allocator, SlabHeap* heap, long id, nuint size)
    {
        if (size - 1 < SizeClasses.MaxBytes)
        {
            if (SlabHeap.Enter(heap, id))
            {
                uint index = SizeClasses.Of(size);
                SlabBin* bin = SlabHeap.Bin(heap, index);
                ulong mask = bin->Mask;
                if (mask != 0)
                {
                    nint address = SlabEngine.TakeClaimed(bin, index, mask, size);
                    SlabHeap.Exit(heap);
                    return address;
                }

                return allocator.AllocateRefilled(heap, bin, size);
            }

            return allocator.AllocateShut(heap, size);
        }

        return allocator.AllocateOtherwise(size);
    }

    /// <inheritdoc/>
    public sealed override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        if (((alignment ^ DefaultAlignment) | (uint)options | (uint)owner.Value) == 0)
        {
            SlabHeap* heap = (SlabHeap*)LastHeap.Current;
            if (size - 1 < SizeClasses.MaxBytes && heap != null && SlabHeap.TryEnter(heap, _id))
            {
                uint index = SizeClasses.Of(size);
                SlabBin* bin = SlabHeap.Bin(heap, index);
                ulong mask = bin->Mask;
                address = mask != 0 ? SlabEngine.TakeClaimed(bin, index, mask, size) : 0;
                SlabHeap.Exit(heap);
                if (mask != 0)
                {
                    return true;
                }
            }
        }

        address = AllocateBeyond(size, alignment, options, owner, throws: false);
        return address != 0;
    }

    /// <inheritdoc/>
    public sealed override void Free(nint address) => FreeBy<FaultsNamed>(address);

    /// <summary>
    /// <see cref="Free"/>, from one source with and without what names faults, so that a benchmark can show what that costs. Inlined into Free, whose one line is then inlined where
    /// the class is known: that saves a call, about 1 ns.
    /// </summary>
    /// <typeparam name="TFaults"><see cref="FaultsNamed"/>; or, for live blocks of this allocator alone, <see cref="FaultsUnseen"/>.</typeparam>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void FreeBy<TFaults>(nint address)
        where TFaults : struct, IFreeFaults
    {
        SlabHeap* heap = (SlabHeap*)LastHeap.Current;
        if (heap == null)
        {
            FreeOtherwise(address);
            return;
        }

        if (!SlabHeap.Enter(heap, _id))
        {
            FreeShut(heap, address);
            return;
        }

        if (!SlabEngine.TryFindOwn<TFaults>(heap, address, out SlabBin* bin, out Slab* slab, out nuint index))
        {
            FreeBeyond(heap, address);
            return;
        }

        if (!SlabEngine.FreeOwn(bin, slab, index))
        {
            _engine.AfterTrigger(heap, bin, slab);
            return;
        }

        SlabHeap.Exit(heap);
    }

    /// <summary>This thread's own way to the allocator, which spares each call the look-up of the thread: for loops that allocate and free a great deal.</summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public ThreadHeap ForThisThread() => new(this, _engine.HeapOfThisThread(), _id);

    /// <summary>Frees what is not a live block of this thread's heap. Inside the heap, and leaves it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void FreeBeyond(SlabHeap* heap, nint address)
    {
        bool isFreed = SlabEngine.TryFreeElsewhere(heap, address);
        SlabHeap.Exit(heap);
        if (!isFreed)
        {
            FreeNoSlabBlock(address);
        }
    }

    /// <summary>Allocates where a heap was entered that is not open for this allocator, and leaves it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal nint AllocateShut(SlabHeap* heap, nuint size)
    {
        SlabHeap.Exit(heap);
        return AllocateOtherwise(size);
    }

    /// <summary>Frees where a heap was entered that is not open for this allocator, and leaves it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void FreeShut(SlabHeap* heap, nint address)
    {
        SlabHeap.Exit(heap);
        FreeOtherwise(address);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void FreeOtherwise(nint address)
    {
        SlabHeap* heap = _engine.HeapOfThisThread();
        if (!_engine.FreeShared(heap, address))
        {
            FreeNoSlabBlock(address);
        }
    }

    private void FreeNoSlabBlock(nint address)
    {
        if (_large == null || _engine.Covers(address))
        {
            throw FaultAt(address);
        }

        _large.Free(address);
    }

    /// <summary>The number by which this thread's heap knows the allocator.</summary>
    internal long Id => _id;

    internal SlabHeap* HeapOfThisThread() => _engine.HeapOfThisThread();

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void AfterTrigger(SlabHeap* heap, SlabBin* bin, Slab* slab) => _engine.AfterTrigger(heap, bin, slab);

    /// <summary>Takes one of the blocks that were put back, or claims more. Inside the heap, and leaves it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal nint AllocateRefilled(SlabHeap* heap, SlabBin* bin, nuint size)
    {
        bool isReused = SlabBin.Reuse(bin);
        if (isReused && ++bin->Reuses >= SlabEngine.ReusesPerClaim)
        {
            SlabEngine.ClaimMore(bin);
        }

        nint address = (isReused || _engine.Refill(heap, bin)) && bin->Mask != 0 ? SlabEngine.TakeClaimed(bin, bin->Class, bin->Mask, size) : 0;
        SlabHeap.Exit(heap);
        return address != 0 ? address : AllocateOtherwise(size);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal nint AllocateOtherwise(nuint size)
    {
        if (size > SizeClasses.MaxBytes && _large is not null && _large.TryTakeParked(size, out nint address))
        {
            _engine.AfterGrowthBeside();
            return address;
        }

        return AllocateBeyond(size, DefaultAlignment, AllocationOptions.None, OwnerId.None, throws: true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint AllocateOtherwise(nuint size, nuint alignment, AllocationOptions options, OwnerId owner) => AllocateBeyond(size, alignment, options, owner, throws: true);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint AllocateBeyond(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, bool throws)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (!BitOperations.IsPow2(alignment) || (_large == null && alignment > SlabChunks.UnitBytes))
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, _large == null ? $"Alignment must be a power of two, at most {SlabChunks.UnitBytes:N0} bytes." : "Alignment must be a power of two.");
        }

        options.ThrowIfUndefined();
        int index = SizeClasses.Of(size, Math.Max(alignment, DefaultAlignment));
        if (index < 0)
        {
            nint pages = AllocateLarge(size, alignment, options, owner, throws, out _);
            if (pages != 0)
            {
                _engine.AfterGrowthBeside();
                GiveBackBeside(pages);
            }

            return pages;
        }

        nint address = _engine.Allocate((uint)index, size, options, owner, out _, out SlabEngine.Obstacle obstacle, out VirtualMemoryException? refusal);
        if (address == 0 && obstacle == SlabEngine.Obstacle.Limit && _large != null && _large.Trim() > 0)
        {
            address = _engine.Allocate((uint)index, size, options, owner, out _, out obstacle, out refusal);
        }

        if (address == 0)
        {
            Interlocked.Add(ref _engine.FailedAllocations, FailuresOf(options));
        }
        else
        {
            GiveBackBeside(address);
        }

        return address != 0 || !throws ? address : throw _engine.Failure(size, SizeClasses.All[index].BlockBytes, owner, obstacle, refusal);
    }

    /// <summary>Gives pages back that large blocks have left, after a block was allocated; when a handler of the budget's events throws, the block is not handed out.</summary>
    private void GiveBackBeside(nint block)
    {
        try
        {
            _engine.GiveBackBeside();
        }
        catch
        {
            Free(block);
            throw;
        }
    }

    private nint AllocateLarge(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, bool throws, out CleanRun clean)
    {
        clean = default;
        if (_large == null)
        {
            _engine.ThrowIfDisposedOutside();
            Interlocked.Add(ref _engine.FailedAllocations, FailuresOf(options));
            return !throws ? 0 : throw Refused(size, SizeClasses.MaxBytes, owner, $"the largest block has {SizeClasses.MaxBytes:N0} bytes. Split the request, or take GeneralAllocator.");
        }

        // The slabs may hold free memory under the common limit.
        if (_large.TryAllocate(size, out nint address, out clean, alignment, options, owner) || ((options & AllocationOptions.NoGrow) == 0 && Trim() > 0 && _large.TryAllocate(size, out address, out clean, alignment, options, owner)))
        {
            return address;
        }

        Interlocked.Add(ref _engine.FailedAllocations, FailuresOf(options));
        if (!throws)
        {
            return 0;
        }

        try
        {
            return _large.Allocate(size, alignment, options, owner);
        }
        catch (AllocationFailedException e)
        {
            // The pages know only their own part of what is used.
            throw Refused(size, Math.Min(e.AvailableBytes, LimitBytes), owner, e.Reason, e.InnerException);
        }
    }

    private AllocationFailedException Refused(nuint size, long available, OwnerId owner, string reason, Exception? cause = null) =>
        new(Name, Saturated(size), available, owner, reason, cause, GetStatistics().LiveBytes, LimitBytes);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private MemoryFaultException FaultAt(nint address)
    {
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            return _engine.Covers(address)
                ? _engine.FaultLocked(address)
                : new MemoryFaultException(Name, MemoryFault.ForeignFree, address, 0, OwnerId.None, "the address does not lie in this allocator's slabs. Give it back where it came from.");
        }
    }
}

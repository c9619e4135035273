using System.Numerics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Small blocks, 16 bytes to 32 KiB, from slabs of equal blocks with a heap per thread (the specification's slab allocator).</summary>
/// <remarks>
/// <para>
/// A request is rounded up to one of 72 sizes, by at most an eighth. The thread that allocated a block frees it without a lock and without an atomic operation; another thread
/// with one. Memory that is free is committed but not touched before it is needed, and empty slabs serve every size and every thread.
/// </para>
/// <para>
/// Thread-safe. Double, foreign and interior frees are found in every build; what the blocks hold is never touched. Requests above 32 KiB are refused:
/// <c>GeneralAllocator</c> serves them too. There is no finalizer: a forgotten allocator keeps its memory, because somebody may still hold an address.
/// </para>
/// </remarks>
public sealed unsafe class SlabAllocator : MemoryAllocator
{
    private readonly long _id;
    private readonly SlabEngine _engine;
    private readonly BlockMemory _memory;
    private AllocatorStatistics _last;

    /// <summary>Reserves address space. Nothing is committed for blocks until it is needed.</summary>
    /// <param name="limitBytes">The most it may commit.</param>
    /// <param name="budget">A budget that committed memory is charged to, or null. Its events are raised while no lock of this allocator is held.</param>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    public SlabAllocator(long limitBytes, MemoryBudget? budget = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limitBytes);
        int chunks = SlabEngine.ChunksFor(limitBytes);
        _memory = new BlockMemory(Name, (long)chunks * SlabChunks.ChunkBytes, SlabChunks.UnitBytes, limitBytes, budget);
        try
        {
            _engine = new SlabEngine(Name, _memory, _memory.Start, chunks, SizeClasses.All);
        }
        catch (VirtualMemoryException)
        {
            _memory.Dispose();
            throw;
        }

        _id = _engine.Id;
    }

    /// <summary>The largest block.</summary>
    public const long MaxBlockBytes = SizeClasses.MaxBytes;

    /// <inheritdoc/>
    public override string Name => "SlabAllocator";

    /// <inheritdoc/>
    public override bool IsThreadSafe => true;

    /// <summary>The slabs, so that a test can damage one.</summary>
    internal SlabEngine Engine => _engine;

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        nint address = AllocateFast(size, alignment, options, owner);
        return address != 0 ? address : AllocateOtherwise(size, alignment, options, owner, throws: true);
    }

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        nint taken = AllocateFast(size, alignment, options, owner);
        address = taken != 0 ? taken : AllocateOtherwise(size, alignment, options, owner, throws: false);
        return address != 0;
    }

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        SlabHeap* heap = (SlabHeap*)ThreadHeap.Current;
        if (heap != null && SlabHeap.TryEnter(heap, _id))
        {
            bool isEmptied = false;
            bool isFreed = SlabEngine.TryFree(heap, address, ref isEmptied);
            SlabHeap.Exit(heap);
            if (isFreed && !isEmptied)
            {
                return;
            }

            if (isFreed)
            {
                _engine.Retire(heap);
                return;
            }
        }

        FreeOtherwise(address);
    }

    /// <inheritdoc/>
    /// <remarks>What was asked for is remembered exactly up to 2 KiB, and in quanta of up to a 128th of the distance between sizes above; another size within the quantum passes.</remarks>
    public override void FreeSized(nint address, nuint size)
    {
        if (_engine.Look(address, out uint usable, out byte state, out int shift) && !SlabEngine.IsSize(size, usable, state, shift))
        {
            throw new MemoryFaultException(Name, MemoryFault.WrongSize, address, usable, OwnerId.None, $"freed as {size:N0} bytes. Free with the size that was asked for.");
        }

        Free(address);
    }

    /// <inheritdoc/>
    public override nuint UsableSize(nint address) => _engine.Look(address, out uint usable, out _, out _) ? usable : throw FaultAt(address);

    /// <inheritdoc/>
    public override bool Owns(nint address)
    {
        try
        {
            return _engine.Look(address, out _, out _, out _);
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            _engine.ResetLocked();
        }
    }

    /// <inheritdoc/>
    /// <remarks>What other threads have freed is gathered first, and slabs kept for reuse go too; the other threads are stopped meanwhile.</remarks>
    public override long Trim()
    {
        long returned;
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            returned = _engine.TrimLocked();
        }

        _memory.Refund(returned);
        return returned;
    }

    /// <inheritdoc/>
    /// <remarks>Looks at one byte for each block there is, to add up what was asked for.</remarks>
    public override AllocatorStatistics GetStatistics()
    {
        lock (_engine.Gate)
        {
            return _engine.IsDisposed ? _last : _engine.SnapshotLocked();
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockInfo> EnumerateBlocks()
    {
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
        }

        return _engine.Blocks();
    }

    /// <inheritdoc/>
    public override IEnumerable<MemoryExtent> EnumerateExtents()
    {
        List<MemoryExtent> extents = [];
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            _engine.AddExtentsLocked(extents);
        }

        return extents;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<AllocatorGroup> GetGroups()
    {
        List<AllocatorGroup> groups = [];
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            _engine.AddGroupsLocked(groups);
        }

        return groups;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Stops the other threads for its duration. Checked: every slab agrees with the table that finds it and with its list; every block is live, or free and marked so, once;
    /// counters agree with the blocks' states; committed bytes agree with the units and stay within limit and budget.
    /// </remarks>
    public override IntegrityReport CheckIntegrity()
    {
        List<string> violations = [];
        long blocks;
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            blocks = _engine.CheckLocked(violations);
            long committed = _engine.CommittedLocked();
            if (committed != _memory.CommittedBytes || committed > _memory.ChargedBytes)
            {
                violations.Add($"{committed:N0} bytes are committed, {_memory.CommittedBytes:N0} are counted and {_memory.ChargedBytes:N0} charged.");
            }
        }

        return new IntegrityReport(blocks, violations);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        lock (_engine.Gate)
        {
            if (_engine.IsDisposed)
            {
                return;
            }

            _engine.StopThreadsLocked();
            _last = AllocatorSnapshots.Disposed(_engine.SnapshotLocked());
            _engine.DisposeLocked();
        }

        _memory.Dispose();
    }

    /// <inheritdoc/>
    protected internal override void NoteSize(nint address, nuint size) => _engine.NoteSize(address, size);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private nint AllocateFast(nuint size, nuint alignment, AllocationOptions options, OwnerId owner)
    {
        SlabHeap* heap = (SlabHeap*)ThreadHeap.Current;
        if (((alignment ^ DefaultAlignment) | (nuint)(uint)options | (nuint)(uint)owner.Value) != 0 || size - 1 >= SizeClasses.MaxBytes || heap == null || !SlabHeap.TryEnter(heap, _id))
        {
            return 0;
        }

        nint address = SlabEngine.TakeClaimed(SlabHeap.Bin(heap, SizeClasses.Of(size)), size);
        SlabHeap.Exit(heap);
        return address;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint AllocateOtherwise(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, bool throws)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (!BitOperations.IsPow2(alignment) || alignment > SlabChunks.UnitBytes)
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, $"Alignment must be a power of two, at most {SlabChunks.UnitBytes:N0} bytes.");
        }

        int index = SizeClasses.Of(size, alignment);
        if (index >= 0)
        {
            nint address = _engine.Allocate((uint)index, size, options, owner, out SlabEngine.Obstacle obstacle, out VirtualMemoryException? refusal);
            return address != 0 || !throws ? address : throw _engine.Failure(size, _classBytes(index), owner, obstacle, refusal);
        }

        _engine.ThrowIfDisposedOutside();
        Interlocked.Increment(ref _engine.FailedAllocations);
        return !throws ? 0 : throw new AllocationFailedException(Name, size > long.MaxValue ? long.MaxValue : (long)size, MaxBlockBytes, owner, $"the largest block has {MaxBlockBytes:N0} bytes. Split the request, or take GeneralAllocator.");

        static int _classBytes(int index) => SizeClasses.All[index].BlockBytes;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeOtherwise(nint address)
    {
        SlabHeap* heap = _engine.HeapOfThisThread();
        if (!_engine.FreeShared(heap, address))
        {
            throw FaultAt(address);
        }
    }

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

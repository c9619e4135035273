using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Fixed-size block pools under one limit (the JESSY specification's <c>PoolAllocator</c>).</summary>
/// <remarks>
/// <para>
/// A request is served by the smallest pool whose blocks fit its size and its alignment. When that pool has no free block it grows by a chunk,
/// as long as it is below its capacity and all pools together stay within the limit and the budget. When it can neither serve nor grow, the next
/// larger pool is asked in the same way. A request above the largest block is refused: no pool is ever added and none grows beyond its capacity.
/// </para>
/// <para>
/// Thread-safe. Each thread keeps some free blocks of its own, so allocating and freeing take no lock; before a request fails, those of all
/// threads, ended ones included, are gathered. Double, foreign and interior frees are found in every build, also when two threads free one block
/// at the same moment. What the blocks themselves hold is never touched. There is no finalizer: a forgotten allocator keeps its memory,
/// because somebody may still hold an address.
/// </para>
/// </remarks>
public sealed unsafe partial class PoolAllocator : MemoryAllocator
{
    // 64 pools of it still fit the address space of a process on every 64-bit system.
    private const long MaxCapacityBytes = 1L << 40;

    private static long s_lastId;

    private readonly Lock _lock = new();
    private readonly BlockPool[] _pools;
    private readonly byte[] _poolOfOrder;
    private readonly MemoryBudget? _budget;
    private readonly long _limitBytes;
    private readonly nint _reservation;
    private readonly long _reservedBytes;
    private readonly nint _blocks;
    private readonly int _strideShift;
    private readonly nuint _strideMask;
    private readonly nuint _blocksBytes;
    private readonly long _id = Interlocked.Increment(ref s_lastId);

    // By slot index; replaced when it grows.
    private ThreadCache?[] _caches = [];
    private MemoryUse _uses;
    private bool _disposed;

    /// <summary>Creates the pools. Nothing is committed until it is needed.</summary>
    /// <param name="pools">The pools, block sizes ascending and distinct.</param>
    /// <param name="limitBytes">The most all pools together may commit.</param>
    /// <param name="budget">A budget that committed memory is charged to, or null. Its events are raised while no lock of this allocator is held.</param>
    /// <exception cref="ArgumentException">No pool, or one whose block size or capacity is not what <see cref="PoolConfig"/> says, or sizes that do not ascend.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    public PoolAllocator(IReadOnlyList<PoolConfig> pools, long limitBytes, MemoryBudget? budget = null)
    {
        ArgumentNullException.ThrowIfNull(pools);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limitBytes);
        CheckConfig(pools);
        _limitBytes = limitBytes;
        _budget = budget;

        // One stride for all pools, so that an address finds its pool by a subtraction and a shift. The unused ends cost address space only.
        long largestCapacity = 0;
        long tables = 0;
        foreach (PoolConfig pool in pools)
        {
            largestCapacity = Math.Max(largestCapacity, pool.CapacityBytes);
            tables += BlockPool.TablesReservedBytes(pool);
        }

        nuint stride = BitOperations.RoundUpToPowerOf2((nuint)Math.Max(largestCapacity, VirtualMemory.PageSize));
        _strideShift = BitOperations.Log2(stride);
        _strideMask = stride - 1;
        _blocksBytes = checked(stride * (nuint)pools.Count);

        // Blocks are aligned to their size; the system aligns to a page, so larger blocks need room to move the start up.
        nuint alignment = (nuint)Math.Max(pools[^1].BlockBytes, VirtualMemory.PageSize);
        nuint reserved = checked(_blocksBytes + (alignment - (nuint)VirtualMemory.PageSize) + (nuint)tables);
        _reservation = VirtualMemory.Reserve(reserved);
        _reservedBytes = (long)reserved;
        _blocks = (nint)(((nuint)_reservation + alignment - 1) & ~(alignment - 1));

        nint table = _blocks + (nint)_blocksBytes;
        _pools = new BlockPool[pools.Count];
        for (int i = 0; i < _pools.Length; i++)
        {
            _pools[i] = new BlockPool(pools[i], _blocks + (nint)((nuint)i << _strideShift), table);
            table += (nint)BlockPool.TablesReservedBytes(pools[i]);
        }

        _poolOfOrder = new byte[64];
        for (int order = 0, pool = 0; order < _poolOfOrder.Length; order++)
        {
            while (pool < _pools.Length && _pools[pool].BlockShift < order)
            {
                pool++;
            }

            _poolOfOrder[order] = (byte)pool;
        }
    }

    /// <inheritdoc/>
    public override string Name => "PoolAllocator";

    /// <inheritdoc/>
    public override bool IsThreadSafe => true;

    /// <summary>Bytes in live blocks and the limit, as the specification's <c>usage()</c> gives them.</summary>
    public (long UsedBytes, long LimitBytes) Usage
    {
        get
        {
            lock (_lock)
            {
                return (_disposed ? 0 : SnapshotLocked().LiveBytes, _limitBytes);
            }
        }
    }

    /// <summary>The pools themselves, so that a test can damage one and see the integrity check find it.</summary>
    internal ReadOnlySpan<BlockPool> Pools => _pools;

    private BlockPool LargestPool => _pools[^1];

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        if (alignment == DefaultAlignment)
        {
            nint address = AllocateCached(ThreadCache.Current, size, size, options, owner);
            if (address != 0)
            {
                return address;
            }
        }

        return AllocateOtherwise(size, alignment, options, owner, throws: true);
    }

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        nint taken = alignment == DefaultAlignment ? AllocateCached(ThreadCache.Current, size, size, options, owner) : 0;
        address = taken != 0 ? taken : AllocateOtherwise(size, alignment, options, owner, throws: false);
        return address != 0;
    }

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        if (!TryFreeCached(ThreadCache.Current, address, 0, sized: false))
        {
            FreeOtherwise(address, 0, sized: false);
        }
    }

    /// <inheritdoc/>
    /// <remarks>The size asked for is remembered, so <paramref name="size"/> must be exactly that.</remarks>
    public override void FreeSized(nint address, nuint size)
    {
        if (!TryFreeCached(ThreadCache.Current, address, size, sized: true))
        {
            FreeOtherwise(address, size, sized: true);
        }
    }

    /// <inheritdoc/>
    public override nuint UsableSize(nint address)
    {
        ulong word = ReadWord(address, out int pool, out _);
        return pool >= 0 && BlockWord.IsLive(word) ? (nuint)_pools[pool].BlockBytes : throw FaultAt(address);
    }

    /// <inheritdoc/>
    public override bool Owns(nint address)
    {
        try
        {
            return BlockWord.IsLive(ReadWord(address, out _, out _));
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Tells whose block begins at an address now: one look, without going through the blocks. Thread-safe, but a block that another thread may free can be gone when the answer comes.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="owner">The tag it was allocated with; <see cref="OwnerId.None"/> when the answer is false.</param>
    /// <returns>False when no block in use begins there, or the allocator is disposed.</returns>
    public bool TryGetOwner(nint address, out OwnerId owner)
    {
        ulong word;
        try
        {
            word = ReadWord(address, out _, out _);
        }
        catch (ObjectDisposedException)
        {
            word = 0;
        }

        owner = BlockWord.IsLive(word) ? BlockWord.Owner(word) : OwnerId.None;
        return BlockWord.IsLive(word);
    }

    /// <inheritdoc/>
    protected internal override void NoteSize(nint address, nuint size)
    {
        while (true)
        {
            ulong seen = ReadWord(address, out int pool, out uint block);
            if (pool < 0 || !BlockWord.IsLive(seen))
            {
                throw FaultAt(address);
            }

            lock (_lock)
            {
                ThrowIfDisposed();
                if (Interlocked.CompareExchange(ref _pools[pool].Words[block], BlockWord.MakeLive(size, BlockWord.Owner(seen)), seen) == seen)
                {
                    return;
                }
            }
        }
    }

    /// <summary>Allocates from a magazine of this thread; 0 when that is empty, of another allocator or shut, and then nothing has changed.</summary>
    /// <param name="cache">A cache of this thread, of whichever allocator.</param>
    /// <param name="needed">The block size that fits size and alignment.</param>
    /// <param name="size">Bytes asked for.</param>
    /// <param name="options">Zeroing.</param>
    /// <param name="owner">Tag.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private nint AllocateCached(ThreadCache? cache, nuint needed, nuint size, AllocationOptions options, OwnerId owner)
    {
        if (cache is null || !cache.TryEnter(_id))
        {
            return 0;
        }

        Magazine* magazine = cache.MagazineFor(needed);
        int last = magazine->Count - 1;
        if (last < 0)
        {
            cache.Exit();
            return 0;
        }

        magazine->Count = last;
        uint block = Magazine.Items(magazine)[(uint)last];
        ulong* word = magazine->Words + block;
        nint address = magazine->Blocks + (nint)((nuint)block << magazine->BlockShift);
        if (options != AllocationOptions.None)
        {
            if (!options.AreDefined())
            {
                // As it was: the other way refuses them.
                magazine->Count = last + 1;
                cache.Exit();
                return 0;
            }

            if ((options & AllocationOptions.Zeroed) != 0)
            {
                ClearUnlessZero(address, *word, magazine->BlockShift);
            }
        }

        *word = BlockWord.MakeLive(size, owner);
        cache.Exit();
        return address;
    }

    /// <summary>Frees into a magazine of this thread; false when that is full, of another allocator or shut, or the address is not a live block's, and then nothing has changed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFreeCached(ThreadCache? cache, nint address, nuint size, bool sized)
    {
        nuint offset = (nuint)address - (nuint)_blocks;
        if (cache is null || offset >= _blocksBytes || !cache.TryEnter(_id))
        {
            return false;
        }

        Magazine* magazine = cache.MagazineOf((uint)(offset >> _strideShift));

        // Rotated, the bits of an address inside a block become the highest ones, so that one comparison finds those and unknown blocks.
        nuint block = BitOperations.RotateRight((nuint)(address - magazine->Blocks), magazine->BlockShift);
        int count = magazine->Count;
        if (block < magazine->KnownBlocks && count < magazine->Capacity)
        {
            ulong* word = magazine->Words + block;
            ulong seen = *word;

            // Compare and swap, because another thread may free the same block at this moment. It costs about 2 ns.
            if (BlockWord.IsLive(seen) && (!sized || BlockWord.Requested(seen) == size)
                && Interlocked.CompareExchange(ref *word, BlockWord.ToFree(seen), seen) == seen)
            {
                Magazine.Items(magazine)[(uint)count] = (uint)block;
                magazine->Count = count + 1;
                magazine->Freed++;
                cache.Exit();
                return true;
            }
        }

        cache.Exit();
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ClearUnlessZero(nint address, ulong word, int blockShift)
    {
        if (!BlockWord.IsZero(word))
        {
            NativeMemory.Clear((void*)address, (nuint)1 << blockShift);
        }
    }

    private static void CheckConfig(IReadOnlyList<PoolConfig> pools)
    {
        if (pools.Count is 0 or > 64)
        {
            throw new ArgumentException($"Between 1 and 64 pools were expected, found {pools.Count}.", nameof(pools));
        }

        long previous = 0;
        foreach (PoolConfig pool in pools)
        {
            if (pool.CapacityBytes > MaxCapacityBytes)
            {
                throw new ArgumentException($"The capacity of a pool must be at most {MaxCapacityBytes:N0} bytes, found {pool.CapacityBytes:N0}.", nameof(pools));
            }

            if (pool.BlockBytes is < 64 or > BlockWord.MaxBlockBytes || !BitOperations.IsPow2(pool.BlockBytes))
            {
                throw new ArgumentException($"The block size of a pool must be a power of two from 64 to {BlockWord.MaxBlockBytes:N0} bytes, found {pool.BlockBytes:N0}.", nameof(pools));
            }

            if (pool.CapacityBytes < pool.BlockBytes || pool.CapacityBytes % pool.BlockBytes != 0 || pool.CapacityBytes / pool.BlockBytes > int.MaxValue)
            {
                throw new ArgumentException($"The capacity of the pool of {pool.BlockBytes:N0}-byte blocks must be 1 to {int.MaxValue:N0} whole blocks, found {pool.CapacityBytes:N0} bytes.", nameof(pools));
            }

            if (pool.BlockBytes <= previous)
            {
                throw new ArgumentException($"Pools must be in ascending order of distinct block sizes, found {pool.BlockBytes:N0} after {previous:N0}.", nameof(pools));
            }

            previous = pool.BlockBytes;
        }
    }
}

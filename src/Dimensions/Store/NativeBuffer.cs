using DimensionStore.Memory;
using DimensionStore.Memory.Native;

namespace DimensionStore;

/// <summary>Memory for one decompressed layer: a pool block where one is large enough, else a reservation of its own that is charged to the budget. Not thread-safe.</summary>
internal sealed unsafe class NativeBuffer
{
    private readonly MemoryAllocator? _pool;
    private readonly MemoryBudget? _budget;
    private readonly nuint _reserved;
    private nint _address;

    private NativeBuffer(nint address, long length, MemoryAllocator? pool, MemoryBudget? budget, nuint reserved)
    {
        _address = address;
        Length = length;
        _pool = pool;
        _budget = budget;
        _reserved = reserved;
    }

    /// <summary>First byte.</summary>
    public nint Address => _address;

    /// <summary>Bytes asked for.</summary>
    public long Length { get; }

    /// <summary>Budget bytes that come back when it is freed. A pool keeps its committed memory for the next block, so a pool block gives back none at once.</summary>
    public long ReclaimableBytes => (long)_reserved;

    /// <summary>The bytes.</summary>
    public Span<byte> Span => new((void*)_address, checked((int)Length));

    /// <summary>Takes a pool block, or null when no block is large enough or the pool has none to give.</summary>
    public static NativeBuffer? FromPool(MemoryAllocator pool, long length) =>
        pool.TryAllocate((nuint)Math.Max(length, 1), out nint address, owner: MmapManager.BlockOwner) ? new NativeBuffer(address, length, pool, null, 0) : null;

    /// <summary>Reserves memory that the caller has charged to <paramref name="budget"/> already, rounded up to pages.</summary>
    /// <exception cref="VirtualMemoryException">The operating system refused; the charge is still the caller's.</exception>
    public static NativeBuffer FromSystem(MemoryBudget budget, long length, long chargedBytes)
    {
        nint address = VirtualMemory.Reserve((nuint)chargedBytes);
        try
        {
            VirtualMemory.Commit(address, (nuint)chargedBytes);
        }
        catch
        {
            VirtualMemory.Release(address, (nuint)chargedBytes);
            throw;
        }

        return new NativeBuffer(address, length, null, budget, (nuint)chargedBytes);
    }

    /// <summary>Gives the memory and its charge back; a second call does nothing.</summary>
    public void Free()
    {
        nint address = _address;
        _address = 0;
        if (address == 0)
        {
            return;
        }

        if (_pool is not null)
        {
            _pool.Free(address);
            return;
        }

        VirtualMemory.Release(address, _reserved);
        _budget!.Release((long)_reserved);
    }
}

using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Small blocks, 16 bytes to 32 KiB, from slabs of equal blocks with a heap per thread (the specification's slab allocator).</summary>
/// <remarks>
/// <para>
/// A request is rounded up to one of 72 sizes, by at most an eighth. Memory that is free is committed but not touched before it is needed, and empty slabs serve every size
/// and every thread. Alignments up to 16 KiB are kept.
/// </para>
/// <para>
/// Thread-safe. Double, foreign and interior frees are found in every build; what the blocks hold is never touched. Requests above 32 KiB are refused:
/// <see cref="GeneralAllocator"/> serves them too. There is no finalizer: a forgotten allocator keeps its memory, because somebody may still hold an address.
/// </para>
/// </remarks>
public sealed class SlabAllocator : SizeClassAllocator
{
    /// <summary>The largest block.</summary>
    public const long MaxBlockBytes = SizeClasses.MaxBytes;

    /// <summary>Reserves address space. Nothing is committed for blocks until it is needed.</summary>
    /// <param name="limitBytes">The most it may commit.</param>
    /// <param name="budget">A budget that committed memory is charged to, or null. Its events are raised while no lock of this allocator is held.</param>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive, or above 8 TiB.</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    public SlabAllocator(long limitBytes, MemoryBudget? budget = null)
        : base("SlabAllocator", limitBytes, budget, large: null)
    {
    }
}

using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Small blocks, 16 bytes to 32 KiB, from slabs of equal blocks with a heap per thread (the specification's slab allocator).</summary>
/// <remarks>
/// <para>
/// A request is rounded up to one of 72 sizes, by at most an eighth. Memory that is free is committed but not touched before it is needed, and empty slabs serve every size
/// and every thread. Alignments up to 16 KiB are kept.
/// </para>
/// <para>
/// Thread-safe. Double, foreign and interior frees are found in every build; what the blocks hold is never touched. Requests above 32 KiB are refused,
/// unless <c>pagesForLarger</c> asks for whole pages for them; <see cref="GeneralAllocator"/> always serves them. There is no finalizer: a forgotten allocator keeps its memory, because somebody may still hold an address.
/// </para>
/// </remarks>
public sealed class SlabAllocator : SizeClassAllocator
{
    /// <summary>The largest block.</summary>
    public const long MaxBlockBytes = SizeClasses.MaxBytes;

    /// <summary>Reserves address space. Nothing is committed for blocks until it is needed.</summary>
    /// <param name="limitBytes">The most it may commit.</param>
    /// <param name="budget">A budget that committed memory is charged to, or null. Its events are raised while no lock of this allocator is held.</param>
    /// <param name="pagesForLarger">Serve requests above <see cref="MaxBlockBytes"/> too, with whole pages that go back to the system as soon as they are free.</param>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive, or above 8 TiB, or with <paramref name="pagesForLarger"/> 256 GiB.</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    public SlabAllocator(long limitBytes, MemoryBudget? budget = null, bool pagesForLarger = false)
        : this(limitBytes, pagesForLarger ? WithPages("SlabAllocator", limitBytes, keptIdleBytes: 0, budget) : null, budget)
    {
    }

    private SlabAllocator(long limitBytes, (MemoryBudget Common, PageAllocator Pages)? parts, MemoryBudget? budget)
        : base("SlabAllocator", limitBytes, budget, parts)
    {
    }
}

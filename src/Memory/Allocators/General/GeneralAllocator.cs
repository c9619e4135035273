using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// The front for blocks of any size (the specification's <c>kmalloc</c>): slabs with a heap per thread up to 32 KiB, exact runs of pages from a buddy allocator above, one limit for both.
/// </summary>
/// <remarks>
/// Thread-safe. Zeroed and aligned blocks are asked for by the options of <see cref="SizeClassAllocator.Allocate"/>, sized frees are
/// <see cref="SizeClassAllocator.FreeSized"/>. There is no finalizer: a forgotten allocator keeps its memory, because somebody may still hold an address.
/// </remarks>
public sealed class GeneralAllocator : SizeClassAllocator
{
    // More goes back in step with what is freed, and is kept after all where it is wanted again soon.
    private const long KeptIdleBytes = 512 << 10;

    /// <summary>Reserves address space. Nothing is committed for blocks until it is needed.</summary>
    /// <param name="limitBytes">The most it may commit.</param>
    /// <param name="budget">A budget that committed memory is charged to, or null. Its events are raised while no lock of this allocator is held.</param>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive, or above 256 GiB.</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    public GeneralAllocator(long limitBytes = 1L << 30, MemoryBudget? budget = null)
        : base("GeneralAllocator", limitBytes, budget, WithPages("GeneralAllocator", limitBytes, KeptIdleBytes, budget))
    {
    }

    /// <summary>Allocates near a node of a NUMA machine (the specification's <c>kmalloc_node</c>).</summary>
    /// <param name="size">Bytes, 1 or more.</param>
    /// <param name="node">The node's number, or −1 for any. A hint: memory comes from wherever the system places it, on the first touch usually the node of the thread that touches it.</param>
    /// <param name="alignment">A power of two, in bytes.</param>
    /// <param name="options">Zeroing, growth.</param>
    /// <param name="owner">Tag for accounting.</param>
    /// <exception cref="ArgumentOutOfRangeException">The node is below −1, or an argument is not what <see cref="SizeClassAllocator.Allocate"/> says.</exception>
    /// <exception cref="AllocationFailedException">No block of that size can be provided.</exception>
    /// <exception cref="LimitExceededException">The block would go over the limit or budget.</exception>
    public nint AllocateOnNode(nuint size, int node, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(node, -1);
        return Allocate(size, alignment, options, owner);
    }
}

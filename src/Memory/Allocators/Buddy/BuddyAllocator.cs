using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>The binary buddy system with grouping by mobility: blocks of whole smallest blocks, cut from powers of two and merged again as soon as both halves are free.</summary>
/// <remarks>
/// <para>
/// A request gets as many smallest blocks as it needs and not the power of two above: the rest of the block it is cut from goes back at once. Its kind
/// (<see cref="AllocationOptions.Movable"/>, <see cref="AllocationOptions.Reclaimable"/>, else unmovable) decides with which others it shares a pageblock.
/// </para>
/// <para>
/// Thread-safe. Nothing is written into free memory, so pages of free blocks go back to the system, and a use after free damages only who does it. Double, foreign, interior and
/// wrongly sized frees are found in every build.
/// </para>
/// </remarks>
public sealed class BuddyAllocator : PageAllocator
{
    /// <summary>Reserves the address space. Nothing is committed until it is needed.</summary>
    /// <exception cref="ArgumentException">An option is not what its property says.</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    public BuddyAllocator(BuddyOptions? options = null)
        : base("BuddyAllocator", (options ?? new BuddyOptions()).Resolved())
    {
    }

    /// <summary>The same as a part of another allocator, whose name its errors bear.</summary>
    internal BuddyAllocator(string name, BuddyOptions options)
        : base(name, options.Resolved())
    {
    }
}

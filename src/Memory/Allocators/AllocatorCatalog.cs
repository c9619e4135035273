namespace DimensionStore.Memory;

/// <summary>
/// Every allocator of the toolkit by the name that command lines, cmdlets and traces use, each with a sensible configuration for a capacity.
/// Who needs more than that constructs the class itself.
/// </summary>
public static class AllocatorCatalog
{
    // The most that one pool can have.
    private const long MostPoolBytes = 1L << 40;

    // Of more it would use nothing: there are at most 2^30 small objects and 2^24 big blocks.
    private const long MostDualBytes = 1L << 39;

    /// <summary>The allocators, in the order they are shown.</summary>
    public static IReadOnlyList<AllocatorKind> All { get; } = Array.AsReadOnly<AllocatorKind>(
    [
        new("pool", "Fixed-size blocks: 64 B to 1 GiB by powers of two", typeof(PoolAllocator), MostPoolBytes, CreatePool),
        new("general", "Blocks of any size: slabs with a heap for each thread up to 32 KiB, runs of pages above", typeof(GeneralAllocator), SizeClassAllocator.MostLimitBytes, settings => new GeneralAllocator(settings.CapacityBytes, settings.Budget)),
        new("slab", "Slabs of equal blocks up to 32 KiB, a heap for each thread; whole pages above, which go back at once", typeof(SlabAllocator), SizeClassAllocator.MostLimitBytes, settings => new SlabAllocator(settings.CapacityBytes, settings.Budget, pagesForLarger: true)),
        new("segregated", "Any size, from segregated free blocks that are split and merged, with owners and collection", typeof(SegregatedAllocator), SegregatedAllocator.LargestCapacity, CreateSegregated),
        new("buddy", "Powers of two from 64 bytes up, split and merged, grouped by mobility", typeof(BuddyAllocator), BuddyOptions.MostCapacityBytes, CreateBuddy),
        new("dual", "Small objects of 128 B and big blocks of 16 KiB", typeof(DualPoolAllocator), MostDualBytes, settings => new DualPoolAllocator(DualPoolPlan.From(settings.CapacityBytes, poolShare: 1), budget: settings.Budget)),
        new("tree", "Eight zones of membranes by A000081, first fit inside", typeof(TreeZoneAllocator), TreeZoneAllocator.MaxTotalBytes, CreateTree),
        new("zone", "DMA, Normal and High: buddy areas with watermarks and fall-back", typeof(ZoneAllocator), BuddyOptions.MostCapacityBytes, settings => new ZoneAllocator(new ZoneOptions { CapacityBytes = settings.CapacityBytes, LimitBytes = settings.CapacityBytes, MinBlockBytes = 64, Budget = settings.Budget })),
        new("large", "Whole pages, from the system when allocated and back to it when freed", typeof(LargeObjectAllocator), LargeObjectAllocator.MostCapacityBytes, settings => new LargeObjectAllocator(new LargeObjectOptions { CapacityBytes = settings.CapacityBytes, Budget = settings.Budget })),
    ]);

    /// <summary>Finds an allocator by name, whatever the case.</summary>
    /// <exception cref="ArgumentException">There is none of that name; the message lists those there are.</exception>
    public static AllocatorKind Find(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        foreach (AllocatorKind kind in All)
        {
            if (string.Equals(kind.Name, name, StringComparison.OrdinalIgnoreCase))
            {
                return kind;
            }
        }

        throw new ArgumentException($"There is no allocator '{name}'. Expected one of: {string.Join(", ", All.Select(kind => kind.Name))}.", nameof(name));
    }

    /// <summary>Makes an allocator by name.</summary>
    /// <exception cref="ArgumentException">There is none of that name, or the capacity is too small or too large for it.</exception>
    public static MemoryAllocator Create(string name, AllocatorSettings? settings = null) => Find(name).Create(settings ?? new AllocatorSettings());

    private static SegregatedAllocator CreateSegregated(AllocatorSettings settings) => new(new SegregatedOptions { CapacityBytes = settings.CapacityBytes, Budget = settings.Budget });

    // Sizes for any program: with the specification's four, an object of 64 bytes would take 4 KiB and one above 256 KiB could not be had. Twice as many sizes as powers of four
    // cost nothing but address space and keep a block below twice what was asked for. Each pool may take the whole capacity, as far as its blocks can be counted: which sizes will be asked for is not known
    // here, and the limit holds for all together.
    private static PoolAllocator CreatePool(AllocatorSettings settings)
    {
        const int SmallestLog2 = 6;
        const int LargestLog2 = 30;
        var pools = new List<PoolConfig>();
        for (int log2 = SmallestLog2; log2 <= LargestLog2 && (log2 == SmallestLog2 || 1L << log2 <= settings.CapacityBytes); log2++)
        {
            pools.Add(new PoolConfig(1L << log2, Math.Clamp(settings.CapacityBytes >> log2, 1, int.MaxValue) << log2));
        }

        return new PoolAllocator(pools, settings.CapacityBytes, settings.Budget);
    }

    private static BuddyAllocator CreateBuddy(AllocatorSettings settings) =>
        new(new BuddyOptions { CapacityBytes = settings.CapacityBytes, MinBlockBytes = 64, Budget = settings.Budget });

    // The zones take address space only, so a small capacity is a limit on zones of the least size they can have.
    private static TreeZoneAllocator CreateTree(AllocatorSettings settings)
    {
        long unit = TreeZoneAllocator.ZoneUnitBytes;
        long total = Math.Clamp(settings.CapacityBytes, TreeZoneAllocator.MinTotalBytes, TreeZoneAllocator.MaxTotalBytes);
        return new TreeZoneAllocator(new TreeZoneOptions { TotalBytes = (total + unit - 1) / unit * unit, LimitBytes = settings.CapacityBytes, Budget = settings.Budget });
    }
}

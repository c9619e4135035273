using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>How a <see cref="BuddyAllocator"/> is laid out. Sizes are bytes.</summary>
public sealed record BuddyOptions
{
    private const int MostGranules = 1 << BuddyArea.MaxGranulesLog;
    internal const long MostCapacityBytes = 1L << 40;
    internal const long DefaultPageblockBytes = 2 << 20;

    /// <summary>Address space for blocks, up to 1 TiB; 1 GiB by default. Rounded up to whole pageblocks.</summary>
    public long CapacityBytes { get; init; } = 1L << 30;

    /// <summary>The most that may be committed; 0 for the capacity.</summary>
    public long LimitBytes { get; init; }

    /// <summary>The smallest block, order 0: a power of two from 16 to 65,536. 4,096 by default, for pages; less to serve small requests too.</summary>
    public int MinBlockBytes { get; init; } = 4096;

    /// <summary>The unit of grouping by mobility, a power of two: 2 to 4,096 smallest blocks, and at least a page. 0 for 2 MiB, or as much as that allows.</summary>
    public long PageblockBytes { get; init; }

    /// <summary>The largest block and the largest alignment, a power of two of at least a pageblock; 0 for the largest that fits the capacity.</summary>
    public long MaxBlockBytes { get; init; }

    /// <summary>How far around a block memory is committed with it, a power of two; a page or less turns it off.</summary>
    public int CommitAheadBytes { get; init; } = 256 << 10;

    /// <summary>Committed memory in free pageblocks that is kept for the next requests, when an eighth of the live bytes is less. What is above goes back by itself, in step with what is freed.</summary>
    public long KeepIdleBytes { get; init; } = 16 << 20;

    /// <summary>Whether what is freed goes back at once: nothing is kept, and the pages around a freed block of a pageblock or more go too.</summary>
    internal bool GivesBackAtOnce { get; init; }

    /// <summary>Whether another allocator decides what goes back while memory grows, because this one is a part of it.</summary>
    internal bool IsPart { get; init; }

    /// <summary>A budget that committed memory is charged to, or null.</summary>
    public MemoryBudget? Budget { get; init; }

    /// <summary>The same with every 0 replaced by its meaning.</summary>
    /// <exception cref="ArgumentException">A value is not what its property says.</exception>
    internal BuddyOptions Resolved()
    {
        Expect(MinBlockBytes is >= 16 and <= 65536 && BitOperations.IsPow2(MinBlockBytes), nameof(MinBlockBytes), MinBlockBytes, "a power of two from 16 to 65,536");
        Expect(CapacityBytes is > 0 and <= MostCapacityBytes, nameof(CapacityBytes), CapacityBytes, $"1 to {MostCapacityBytes:N0}");
        Expect(LimitBytes >= 0, nameof(LimitBytes), LimitBytes, "0 or more");
        Expect(KeepIdleBytes >= 0, nameof(KeepIdleBytes), KeepIdleBytes, "0 or more");
        Expect(CommitAheadBytes == 0 || BitOperations.IsPow2(CommitAheadBytes), nameof(CommitAheadBytes), CommitAheadBytes, "0 or a power of two");
        long page = VirtualMemory.PageSize;
        long least = Math.Max(page, 2 * MinBlockBytes);
        long most = (long)MinBlockBytes * MostGranules;
        long pageblock = PageblockBytes != 0 ? PageblockBytes : Math.Max(least, Math.Min(DefaultPageblockBytes, most));
        Expect(BitOperations.IsPow2(pageblock) && pageblock >= least && pageblock <= most, nameof(PageblockBytes), PageblockBytes, $"a power of two from {least:N0} to {most:N0}");
        long capacity = (CapacityBytes + pageblock - 1) / pageblock * pageblock;
        long largest = MaxBlockBytes != 0 ? MaxBlockBytes : 1L << BitOperations.Log2((ulong)capacity);
        Expect(BitOperations.IsPow2(largest) && largest >= pageblock && largest <= MostCapacityBytes, nameof(MaxBlockBytes), MaxBlockBytes, $"a power of two from a pageblock of {pageblock:N0} to {MostCapacityBytes:N0}");
        return this with { CapacityBytes = capacity, LimitBytes = LimitBytes == 0 ? CapacityBytes : LimitBytes, PageblockBytes = pageblock, MaxBlockBytes = largest };
    }

    private static void Expect(bool holds, string name, long value, string expected)
    {
        if (!holds)
        {
            throw new ArgumentException($"{name} must be {expected}, found {value:N0}.", name);
        }
    }
}

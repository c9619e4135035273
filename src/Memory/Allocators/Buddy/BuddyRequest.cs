using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>A request as a <see cref="BuddyArea"/> sees it.</summary>
/// <param name="Granules">Granules that will be in use.</param>
/// <param name="Order">The order of the block they are cut from: its size is at least theirs, and its alignment what was asked for.</param>
/// <param name="Slack">Bytes of the last granule that nobody asked for.</param>
/// <param name="Mobility">Kind.</param>
/// <param name="Owner">Tag.</param>
/// <param name="NeedsAlignment">More than a granule's was asked for.</param>
/// <param name="Highest">The highest area that may serve it.</param>
internal readonly record struct BuddyRequest(long Granules, int Order, int Slack, int Mobility, OwnerId Owner, bool NeedsAlignment, int Highest)
{
    private const int LeastPowerAcross = 4;
    private const int MostPowerAcross = 64;

    /// <summary>
    /// Whether it is looked for among the holes and may lie across several free blocks: all but what needs alignment, and but the smallest and largest powers of two. The smallest find a block of their order at
    /// once, and a hole of one or two granules is hard to find among the ends of longer ones; the largest are few. The others by their order alone would go into whichever hole has such a block inside, and cut up
    /// the long ones.
    /// </summary>
    internal bool MayLieAcross => !NeedsAlignment && (Granules is >= LeastPowerAcross and <= MostPowerAcross || !BitOperations.IsPow2(Granules));
}

/// <summary>Where a request can be served: the free block to cut, and the position of the cut.</summary>
/// <param name="From">The kind whose pageblock it is in; −1 when it consists of whole free pageblocks.</param>
/// <param name="Pageblock">The pageblock where the cut begins.</param>
/// <param name="Order">Order of the free block, where it is part of a pageblock; <see cref="Parked"/> for a parked block.</param>
/// <param name="Index">Which block of that order.</param>
/// <param name="Granule">Where in the pageblock the cut begins.</param>
/// <param name="Across">The cut goes across several free blocks that lie side by side and begins with the first of them.</param>
internal readonly record struct BuddyPlace(int From, int Pageblock, int Order, int Index, int Granule, bool Across = false)
{
    internal const int Parked = -1;

    /// <summary>It is a parked block of just the size that was asked for; its memory and tables are committed.</summary>
    internal bool IsParked => Order == Parked;
}

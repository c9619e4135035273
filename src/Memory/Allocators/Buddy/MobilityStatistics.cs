namespace DimensionStore.Memory;

/// <summary>How one kind of blocks fares in a <see cref="PageAllocator"/>.</summary>
/// <param name="Mobility">The kind.</param>
/// <param name="Pageblocks">Pageblocks that belong to it now.</param>
/// <param name="FreeBytes">Free bytes in them.</param>
/// <param name="AllocationCount">Blocks of this kind allocated so far.</param>
/// <param name="FallbackCount">Of these, the ones that had to go into a pageblock of another kind.</param>
/// <param name="ConversionCount">Of these, the ones that took the whole pageblock over.</param>
public readonly record struct MobilityStatistics(PageMobility Mobility, long Pageblocks, long FreeBytes, long AllocationCount, long FallbackCount, long ConversionCount);

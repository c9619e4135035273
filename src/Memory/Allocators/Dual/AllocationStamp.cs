namespace DimensionStore.Memory;

/// <summary>When and where a live object was allocated; kept outside the object, and only while allocations are tracked.</summary>
/// <param name="UtcTicks">Time in ticks, UTC.</param>
/// <param name="Site">Number in <see cref="AllocationSiteTable"/>.</param>
internal readonly record struct AllocationStamp(long UtcTicks, int Site);

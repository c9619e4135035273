namespace DimensionStore.Memory;

/// <summary>How the reserve of a <see cref="ReservePool"/> stands.</summary>
/// <param name="ElementBytes">Size of an element.</param>
/// <param name="MinimumElements">Elements that are kept ready.</param>
/// <param name="AvailableElements">Elements that are ready now; fewer than the minimum while some that were drawn have not come back.</param>
/// <param name="LowestElements">The fewest that were ready at any time since the minimum was set.</param>
/// <param name="DrawnCount">Requests served from the reserve, because the allocator beneath had nothing.</param>
/// <param name="RefilledCount">Frees that went into the reserve instead of the allocator beneath.</param>
public readonly record struct ReserveStatistics(long ElementBytes, int MinimumElements, int AvailableElements, int LowestElements, long DrawnCount, long RefilledCount);

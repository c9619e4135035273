namespace DimensionStore;

/// <summary>Sorted records in a scratch file.</summary>
/// <param name="Start">Where the first one begins.</param>
/// <param name="End">Where the last one ends.</param>
internal readonly record struct SortedRun(long Start, long End);

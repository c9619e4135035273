namespace DimensionStore;

/// <summary>What a policy cost on a trace.</summary>
/// <param name="Accesses">Accesses in the trace.</param>
/// <param name="Misses">Those that found the dimension not in memory.</param>
/// <param name="LoadedBytes">Bytes that the misses loaded.</param>
/// <param name="Evictions">Dimensions that left.</param>
internal readonly record struct EvictionReplayResult(long Accesses, long Misses, long LoadedBytes, long Evictions);

namespace DimensionStore.Benchmarks.Quick;

/// <summary>Something to be measured: runs a batch and says how many operations it was.</summary>
internal sealed record Contender(string Name, Func<long> RunBatch, bool IsOurs = false);

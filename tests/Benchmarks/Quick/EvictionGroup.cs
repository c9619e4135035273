namespace DimensionStore.Benchmarks.Quick;

/// <summary>Miss ratios of the eviction policies on an access trace made of real text.</summary>
internal static class EvictionGroup
{
    public static IEnumerable<Measurement> Run() => [];
}

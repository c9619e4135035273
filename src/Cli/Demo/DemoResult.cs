namespace DimensionStore.Cli.Demo;

/// <summary>What the demo did.</summary>
/// <param name="Catalog">The reference dimensions.</param>
/// <param name="WordNet">WordNet's dimensions, or null where it is not installed.</param>
/// <param name="SynsetCount">Entries of WordNet's dimensions.</param>
/// <param name="Searches">What was looked for.</param>
internal sealed record DemoResult(DemoSet Catalog, DemoSet? WordNet, long SynsetCount, IReadOnlyList<DemoSearch> Searches);

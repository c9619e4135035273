namespace DimensionStore.Cli.Demo;

/// <summary>One search and its answer.</summary>
/// <param name="Directory">The store's directory.</param>
/// <param name="Keyword">Keyword, prefix or pattern.</param>
/// <param name="Match">Which of these it is.</param>
/// <param name="Count">Entries found.</param>
/// <param name="Shown">The first of them.</param>
/// <param name="Time">Finding and copying all of them.</param>
/// <param name="LookupNanoseconds">One lookup of an exact keyword in the mapped bytes, without the copy; null for other kinds.</param>
internal sealed record DemoSearch(string Directory, string Keyword, KeywordMatch Match, int Count, IReadOnlyList<FoundEntry> Shown, DemoTime Time, double? LookupNanoseconds);

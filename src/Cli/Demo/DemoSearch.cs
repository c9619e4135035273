namespace DimensionStore.Cli.Demo;

/// <summary>One search and its answer.</summary>
/// <param name="Directory">The store's directory.</param>
/// <param name="Keyword">Keyword, prefix or pattern.</param>
/// <param name="Match">Which of these it is.</param>
/// <param name="Count">Entries found.</param>
/// <param name="Shown">The first of them.</param>
/// <param name="FirstTime">Finding and copying all of them the first time, when the code has yet to be compiled.</param>
/// <param name="Again">The same once more.</param>
/// <param name="LookupNanoseconds">Mean of many lookups of an exact keyword in the mapped bytes; null for other kinds.</param>
internal sealed record DemoSearch(string Directory, string Keyword, KeywordMatch Match, int Count, IReadOnlyList<FoundEntry> Shown, TimeSpan FirstTime, TimeSpan Again, double? LookupNanoseconds);

namespace DimensionStore;

/// <summary>Where the synsets of a lexicographer file go.</summary>
/// <param name="Name">The file's name: <c>noun.act</c>.</param>
/// <param name="Layer">0 nouns, 1 verbs, 2 adjectives, 3 adverbs.</param>
/// <param name="Dimension">The dimension.</param>
internal sealed record WordNetTarget(string Name, int Layer, WordNetDimension Dimension);

/// <summary>A dimension as the import writes it.</summary>
/// <param name="Id">The dimension.</param>
/// <param name="Name">Its name.</param>
/// <param name="Frequencies">Hertz, by layer.</param>
internal sealed record WordNetDimension(DimensionId Id, string Name, IReadOnlyList<float> Frequencies);

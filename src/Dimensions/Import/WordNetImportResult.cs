namespace DimensionStore;

/// <summary>What an import made.</summary>
/// <param name="Files">The files.</param>
/// <param name="SynsetCount">Synsets read, each now an entry.</param>
/// <param name="LemmaCount">Lemmas of all synsets.</param>
public sealed record WordNetImportResult(IReadOnlyList<GeneratedFile> Files, int SynsetCount, int LemmaCount);

namespace DimensionStore;

/// <summary>Where a synset's parts lie in its data file; the bytes stay where they were read.</summary>
/// <param name="WordsStart">Offset of its first word.</param>
/// <param name="GlossStart">Offset of its trimmed gloss.</param>
/// <param name="GlossLength">Bytes of the gloss.</param>
/// <param name="WordCount">Words, 1 to 255.</param>
/// <param name="LexicographerFile">0 to 44.</param>
internal readonly record struct WordNetSynset(int WordsStart, int GlossStart, int GlossLength, byte WordCount, byte LexicographerFile);

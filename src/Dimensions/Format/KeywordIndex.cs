namespace DimensionStore;

/// <summary>The keyword index of a dimension, read in place. Every reference in it is bounds-checked when it is followed, so any bytes give an answer or a <see cref="DimensionFormatException"/>.</summary>
public readonly ref struct KeywordIndex
{
    /// <summary>Distinct keywords.</summary>
    public int KeywordCount => throw new NotImplementedException();

    /// <summary>Opens an index section. Costs the same whatever its size.</summary>
    /// <exception cref="DimensionFormatException">The section contradicts its own counts.</exception>
    public static KeywordIndex Open(ReadOnlySpan<byte> section, long sectionOffset = 0) => throw new NotImplementedException();

    /// <summary>Finds a keyword. Allocates nothing.</summary>
    /// <param name="keyword">In any case.</param>
    /// <param name="postings">Its entries.</param>
    public bool TryFind(ReadOnlySpan<char> keyword, out PostingList postings) => throw new NotImplementedException();

    /// <summary>Finds a keyword given as UTF-8. Allocates nothing.</summary>
    public bool TryFind(ReadOnlySpan<byte> utf8Keyword, out PostingList postings) => throw new NotImplementedException();

    /// <summary>Enumerates the keywords that begin with <paramref name="prefix"/>, ascending by folded UTF-8. Allocates nothing.</summary>
    public KeywordCursor FindPrefix(ReadOnlySpan<char> prefix) => throw new NotImplementedException();

    /// <summary>Enumerates the keywords that match a pattern of <c>*</c> and <c>?</c>, ascending by folded UTF-8.</summary>
    public KeywordCursor FindWildcard(ReadOnlySpan<char> pattern) => throw new NotImplementedException();
}

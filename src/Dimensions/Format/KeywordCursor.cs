namespace DimensionStore;

/// <summary>Walks over keywords of an index in ascending order. Use with <c>while (cursor.MoveNext())</c>.</summary>
public ref struct KeywordCursor
{
    /// <summary>The keyword as it was first written, UTF-8.</summary>
    public readonly ReadOnlySpan<byte> Keyword => throw new NotImplementedException();

    /// <summary>The keyword case folded, UTF-8.</summary>
    public readonly ReadOnlySpan<byte> FoldedKeyword => throw new NotImplementedException();

    /// <summary>Its entries.</summary>
    public readonly PostingList Postings => throw new NotImplementedException();

    /// <summary>Goes to the next keyword; false at the end.</summary>
    public bool MoveNext() => throw new NotImplementedException();
}

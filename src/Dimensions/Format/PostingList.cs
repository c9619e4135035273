namespace DimensionStore;

/// <summary>The entries of one keyword, read in place; ordered by layer, then offset.</summary>
public readonly ref struct PostingList
{
    /// <summary>How many entries.</summary>
    public int Count => throw new NotImplementedException();

    /// <summary>One of them.</summary>
    public EntryLocation this[int index] => throw new NotImplementedException();
}

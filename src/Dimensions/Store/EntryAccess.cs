namespace DimensionStore;

/// <summary>Zero-copy access to the entries of one keyword in one dimension. Same rules as <see cref="LayerAccess"/>.</summary>
public readonly ref struct EntryAccess
{
    /// <summary>Whether the keyword was found.</summary>
    public bool Found => throw new NotImplementedException();

    /// <summary>How many entries it has.</summary>
    public int Count => throw new NotImplementedException();

    /// <summary>Where an entry lies.</summary>
    public EntryLocation LocationOf(int index) => throw new NotImplementedException();

    /// <summary>An entry's bytes.</summary>
    public ReadOnlySpan<byte> ContentOf(int index) => throw new NotImplementedException();

    /// <summary>Whether it comes from the simulation.</summary>
    public bool IsSimulated => throw new NotImplementedException();

    /// <summary>Ends the access.</summary>
    public void Dispose() => throw new NotImplementedException();
}

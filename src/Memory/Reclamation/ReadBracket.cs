namespace DimensionStore.Memory;

/// <summary>An open read bracket: what was reachable when it was opened stays mapped until it is disposed.</summary>
public readonly ref struct ReadBracket
{
    /// <summary>Closes the bracket.</summary>
    public void Dispose() => throw new NotImplementedException();
}

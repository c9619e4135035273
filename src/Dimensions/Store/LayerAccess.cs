namespace DimensionStore;

/// <summary>Zero-copy access to a layer. The bytes stay valid until it is disposed, whatever is unloaded, replaced or closed meanwhile. Dispose it on the same thread, soon; it cannot cross an await.</summary>
public readonly ref struct LayerAccess
{
    /// <summary>The layer's (uncompressed) bytes.</summary>
    public ReadOnlySpan<byte> Span => throw new NotImplementedException();

    /// <summary>Whether they come from the simulation.</summary>
    public bool IsSimulated => throw new NotImplementedException();

    /// <summary>Ends the access.</summary>
    public void Dispose() => throw new NotImplementedException();
}

namespace DimensionStore;

/// <summary>A dimension in the making: entries collected in pool memory until they are crystallized into a file. Thread-safe. Disposing it without crystallizing gives the memory back.</summary>
public sealed class ProtoDimension : IDisposable
{
    internal ProtoDimension()
    {
    }

    /// <summary>Its name.</summary>
    public string Name => throw new NotImplementedException();

    /// <summary>Whether it will be a user-specific dimension.</summary>
    public bool IsUserSpecific => throw new NotImplementedException();

    /// <summary>Entries collected.</summary>
    public int EntryCount => throw new NotImplementedException();

    /// <summary>Pool bytes held.</summary>
    public long PoolBytes => throw new NotImplementedException();

    /// <summary>Adds an entry; its bytes are copied into pool memory.</summary>
    public void Add(int layer, IReadOnlyList<string> keywords, ReadOnlySpan<byte> content) => throw new NotImplementedException();

    /// <summary>Sets depth and frequency of a layer.</summary>
    public void ConfigureLayer(int layer, LayerSettings settings) => throw new NotImplementedException();

    /// <summary>Gives the pool memory back.</summary>
    public void Dispose() => throw new NotImplementedException();
}

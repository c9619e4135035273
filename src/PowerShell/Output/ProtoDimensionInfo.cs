namespace DimensionStore.PowerShell;

/// <summary>A dimension in the making: entries in pool memory until <c>Complete-ProtoDimension</c> makes a file of them.</summary>
public sealed class ProtoDimensionInfo
{
    private readonly ProtoDimension _proto;
    private readonly Dictionary<int, LayerSettings> _pending;
    private int _closed;

    /// <summary>Wraps a proto-dimension. Pending settings are applied when their layer gets its first entry, because a layer that has settings is in the file.</summary>
    internal ProtoDimensionInfo(ProtoDimension proto, DimensionStoreSession store, Dictionary<int, LayerSettings> pending)
    {
        _pending = pending;
        _proto = proto;
        Name = proto.Name;
        IsUserSpecific = proto.IsUserSpecific;
        Store = store;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Whether it can take entries.</summary>
    public bool IsOpen => Volatile.Read(ref _closed) == 0 && Store.IsOpen;

    /// <summary>Entries collected; 0 once it is closed.</summary>
    public int EntryCount => IsOpen ? _proto.EntryCount : 0;

    /// <summary>Pool bytes held; 0 once it is closed.</summary>
    public long PoolBytes => IsOpen ? _proto.PoolBytes : 0;

    /// <summary>Whether it will be a user-specific dimension.</summary>
    public bool IsUserSpecific { get; }

    /// <summary>The store it belongs to.</summary>
    public DimensionStoreSession Store { get; }

    /// <summary>The library's own object.</summary>
    internal ProtoDimension Proto => _proto;

    /// <summary>Adds an entry.</summary>
    internal void Add(int layer, IReadOnlyList<string> keywords, ReadOnlySpan<byte> content)
    {
        _proto.Add(layer, keywords, content);
        lock (_pending)
        {
            if (_pending.Remove(layer, out LayerSettings? settings))
            {
                _proto.ConfigureLayer(layer, settings);
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Marks it as completed; the library has given its memory back.</summary>
    internal void MarkClosed()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            Store.Remove(this);
        }
    }

    /// <summary>Gives its memory back without making a file.</summary>
    internal void Discard()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            Store.Remove(this);
            _proto.Dispose();
        }
    }
}

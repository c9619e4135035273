namespace DimensionStore.PowerShell;

/// <summary>An entry found by keyword: a copy that stays valid whatever happens to the store.</summary>
public sealed class DimensionEntryMatch
{
    private readonly FoundEntry _entry;
    private string? _text;
    private byte[]? _content;

    internal DimensionEntryMatch(FoundEntry entry, DimensionStoreSession store)
    {
        _entry = entry;
        Store = store;
        LayerId = new LayerId(entry.Dimension, entry.Layer);
    }

    /// <summary>The keyword that matched, as first written.</summary>
    public string Keyword => _entry.Keyword;

    /// <summary>The layer it lies in, written <c>D01:0</c>.</summary>
    public LayerId LayerId { get; }

    /// <summary>The dimension.</summary>
    public DimensionId Id => _entry.Dimension;

    /// <summary>Layer number, 0 to 3.</summary>
    public int Layer => _entry.Layer;

    /// <summary>Where it begins in its layer.</summary>
    public long Offset => _entry.Offset;

    /// <summary>Its bytes.</summary>
    public int Length => _entry.Length;

    /// <summary>Whether it comes from the simulation.</summary>
    public bool IsSimulated => _entry.IsSimulated;

    /// <summary>Its content as UTF-8 text.</summary>
    public string Text => _text ??= _entry.Text;

    /// <summary>Its content as bytes.</summary>
    public byte[] Content => _content ??= _entry.Content.ToArray();

    /// <summary>The store it was found in.</summary>
    public DimensionStoreSession Store { get; }

    /// <inheritdoc/>
    public override string ToString() => Text;
}

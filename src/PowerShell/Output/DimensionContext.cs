using System.Text;

namespace DimensionStore.PowerShell;

/// <summary>A step of a navigation path, answered.</summary>
public sealed class DimensionContext
{
    private readonly LayerContext _context;
    private string? _text;
    private byte[]? _content;

    internal DimensionContext(LayerContext context, float? dominantFrequency, DimensionStoreSession store)
    {
        _context = context;
        DominantFrequency = dominantFrequency;
        Store = store;
    }

    /// <summary>The layer, written <c>D01:0</c>.</summary>
    public LayerId LayerId => _context.Layer;

    /// <summary>Name of its dimension.</summary>
    public string Name => _context.DimensionName;

    /// <summary>Its depth.</summary>
    public byte Depth => _context.Depth;

    /// <summary>Its frequency in hertz.</summary>
    public float Frequency => _context.Frequency;

    /// <summary>The frequency that most contexts of the whole path carry, in hertz.</summary>
    public float? DominantFrequency { get; }

    /// <summary>Whether this context carries the dominant frequency.</summary>
    public bool IsDominant => Frequency == DominantFrequency;

    /// <summary>The keywords its metadata lists.</summary>
    public IReadOnlyList<string> Keywords => _context.Keywords;

    /// <summary>Whether it comes from the simulation.</summary>
    public bool IsSimulated => _context.IsSimulated;

    /// <summary>Its content as UTF-8 text.</summary>
    public string Text => _text ??= Encoding.UTF8.GetString(_context.Content.Span);

    /// <summary>Its content as bytes.</summary>
    public byte[] Content => _content ??= _context.Content.ToArray();

    /// <summary>Bytes of its content.</summary>
    public int Length => _context.Content.Length;

    /// <summary>The store that answered.</summary>
    public DimensionStoreSession Store { get; }

    /// <inheritdoc/>
    public override string ToString() => LayerId.ToString();
}

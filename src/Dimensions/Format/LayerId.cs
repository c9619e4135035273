using System.Globalization;

namespace DimensionStore;

/// <summary>A layer of a dimension, written <c>D01:0</c>.</summary>
public readonly record struct LayerId : ISpanParsable<LayerId>
{
    /// <summary>Creates an id.</summary>
    /// <param name="dimension">The dimension.</param>
    /// <param name="layer">Layer number, 0 to 3.</param>
    public LayerId(DimensionId dimension, int layer)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension.Value, 1, nameof(dimension));
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(layer, 3);
        Dimension = dimension;
        Layer = layer;
    }

    /// <summary>The dimension.</summary>
    public DimensionId Dimension { get; }

    /// <summary>Layer number, 0 to 3.</summary>
    public int Layer { get; }

    /// <summary>Reads <c>D01:0</c>.</summary>
    public static LayerId Parse(string s, IFormatProvider? provider = null) => Parse(s.AsSpan(), provider);

    /// <summary>Reads <c>D01:0</c>.</summary>
    public static LayerId Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) => TryParse(s, provider, out LayerId id)
        ? id
        : throw new FormatException($"'{s}' is not a layer; write the dimension, a colon and the layer number 0 to 3, as in D01:0.");

    /// <summary>Reads <c>D01:0</c>; false when it is something else.</summary>
    public static bool TryParse(string? s, IFormatProvider? provider, out LayerId result) => TryParse(s.AsSpan(), provider, out result);

    /// <summary>Reads <c>D01:0</c>; false when it is something else.</summary>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out LayerId result)
    {
        result = default;
        int colon = s.IndexOf(':');
        if (colon < 0 || !DimensionId.TryParse(s[..colon], provider, out DimensionId dimension))
        {
            return false;
        }

        ReadOnlySpan<char> number = s[(colon + 1)..];
        if (number.Length != 1 || number[0] is < '0' or > '3')
        {
            return false;
        }

        result = new LayerId(dimension, number[0] - '0');
        return true;
    }

    /// <summary><c>D01:0</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Dimension}:{Layer}");
}

using System.Globalization;

namespace DimensionStore;

/// <summary>Number of a dimension: 1 for D01, 14 for D14, 15 and above for crystallized ones.</summary>
public readonly record struct DimensionId : IComparable<DimensionId>, ISpanParsable<DimensionId>
{
    /// <summary>Highest number that a dimension may have, the largest that <c>Dnnn</c> file names are read back for.</summary>
    public const int MaxValue = 65_535;

    /// <summary>Creates an id.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not 1 to <see cref="MaxValue"/>.</exception>
    public DimensionId(int value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MaxValue);
        Value = value;
    }

    /// <summary>The number.</summary>
    public int Value { get; }

    /// <summary>Whether this is D09 or D14, whose files are sealed and never overwritten.</summary>
    public bool IsImmutable => Value is 9 or 14;

    /// <summary>Whether this is one of the fourteen core dimensions.</summary>
    public bool IsCore => Value is >= 1 and <= 14;

    /// <summary>Name of this dimension's file in a store directory: <c>D01.mmap</c>.</summary>
    public string FileName => ToString() + ".mmap";

    /// <summary>Reads <c>D01</c>, <c>d1</c> or <c>1</c>.</summary>
    public static DimensionId Parse(string s, IFormatProvider? provider = null) => Parse(s.AsSpan(), provider);

    /// <summary>Reads <c>D01</c>, <c>d1</c> or <c>1</c>.</summary>
    public static DimensionId Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) => TryParse(s, provider, out DimensionId id)
        ? id
        : throw new FormatException($"'{s}' is not a dimension; write D01, D02, … up to D{MaxValue}.");

    /// <summary>Reads <c>D01</c>, <c>d1</c> or <c>1</c>; false when it is none of these.</summary>
    public static bool TryParse(string? s, IFormatProvider? provider, out DimensionId result) => TryParse(s.AsSpan(), provider, out result);

    /// <summary>Reads <c>D01</c>, <c>d1</c> or <c>1</c>; false when it is none of these.</summary>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out DimensionId result)
    {
        if (s.Length > 0 && (s[0] is 'D' or 'd'))
        {
            s = s[1..];
        }

        if (int.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value is >= 1 and <= MaxValue)
        {
            result = new DimensionId(value);
            return true;
        }

        result = default;
        return false;
    }

    /// <summary>Compares by number.</summary>
    public int CompareTo(DimensionId other) => Value.CompareTo(other.Value);

    /// <summary><c>D01</c>, <c>D14</c>, <c>D115</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"D{Value:00}");

    /// <summary>Compares by number.</summary>
    public static bool operator <(DimensionId left, DimensionId right) => left.Value < right.Value;

    /// <summary>Compares by number.</summary>
    public static bool operator >(DimensionId left, DimensionId right) => left.Value > right.Value;

    /// <summary>Compares by number.</summary>
    public static bool operator <=(DimensionId left, DimensionId right) => left.Value <= right.Value;

    /// <summary>Compares by number.</summary>
    public static bool operator >=(DimensionId left, DimensionId right) => left.Value >= right.Value;
}

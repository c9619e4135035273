using System.Runtime.CompilerServices;

namespace DimensionStore;

/// <summary>Where a layer's uncompressed bytes lie. Address 0 and <see cref="NoLength"/>: no such layer, or not decompressed yet. The length is written before the address.</summary>
internal struct LayerView
{
    /// <summary>The length of what is not there.</summary>
    public const int NoLength = -1;

    /// <summary>First byte.</summary>
    public nint Address;

    /// <summary>Bytes.</summary>
    public int Length;
}

/// <summary>One view per layer number.</summary>
[InlineArray(4)]
internal struct LayerViews
{
    private LayerView _first;
}

using System.Numerics;
using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>
/// Zero-copy access to the entries of one keyword in one dimension. Same rules as <see cref="LayerAccess"/>. In a file without a keyword index
/// a keyword names layers; each of these is then one entry, the whole layer.
/// </summary>
public readonly unsafe ref struct EntryAccess
{
    private readonly ReadBracket _bracket;
    private readonly LoadedRegion? _region;
    private readonly PostingList _postings;
    private readonly int _layers;

    internal EntryAccess(ReadBracket bracket, LoadedRegion region, PostingList postings)
    {
        _bracket = bracket;
        _region = region;
        _postings = postings;
        Count = postings.Count;
    }

    internal EntryAccess(ReadBracket bracket, LoadedRegion region, int layers)
    {
        _bracket = bracket;
        _region = region;
        _layers = layers;
        Count = BitOperations.PopCount((uint)layers);
    }

    /// <summary>Whether the keyword was found.</summary>
    public bool Found => Count > 0;

    /// <summary>How many entries it has; 0 when it was not found.</summary>
    public int Count { get; }

    /// <summary>Whether it comes from the simulation.</summary>
    public bool IsSimulated => _region is { IsSimulated: true };

    /// <summary>Where an entry lies.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not 0 to <see cref="Count"/> − 1.</exception>
    public EntryLocation LocationOf(int index)
    {
        if ((uint)index >= (uint)Count)
        {
            throw new ArgumentOutOfRangeException(nameof(index), index, $"There are {Count} entries.");
        }

        if (_layers == 0)
        {
            return _postings[index];
        }

        int layers = _layers;
        for (int i = 0; i < index; i++)
        {
            layers &= layers - 1;
        }

        int layer = BitOperations.TrailingZeroCount(layers);
        _region!.TryGetLayer(layer, out _, out int length);
        return new EntryLocation(layer, 0, length);
    }

    /// <summary>An entry's bytes. Not to be used after <see cref="Dispose"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not 0 to <see cref="Count"/> − 1.</exception>
    /// <exception cref="DimensionFormatException">The index points outside the layer: the file is damaged.</exception>
    public ReadOnlySpan<byte> ContentOf(int index)
    {
        EntryLocation location = LocationOf(index);
        return _region!.ContentAt(location);
    }

    /// <summary>Ends the access.</summary>
    public void Dispose()
    {
        if (_region is not null)
        {
            _bracket.Dispose();
            GC.KeepAlive(_region);
        }
    }
}

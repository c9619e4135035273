using System.Numerics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>
/// Zero-copy access to the entries of one keyword in one dimension. Same rules as <see cref="LayerAccess"/>. In a file without a keyword index
/// a keyword names layers; each of these is then one entry, the whole layer.
/// </summary>
public readonly unsafe ref struct EntryAccess
{
    // Four scalars, which the compiler can keep in registers; one more and the struct lives in memory.
    private readonly ReadBracket _bracket;
    private readonly LoadedRegion? _region;
    private readonly byte* _postings;
    private readonly int _count;

    /// <summary>Wraps what was found.</summary>
    /// <param name="bracket">Open; closed with this.</param>
    /// <param name="region">Where it was found.</param>
    /// <param name="postings">Postings within the region's index.</param>
    /// <param name="count">How many; or, negative, the complement of a set of whole layers, a bit each.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal EntryAccess(ReadBracket bracket, LoadedRegion region, byte* postings, int count)
    {
        _bracket = bracket;
        _region = region;
        _postings = postings;
        _count = count;
    }

    /// <summary>Whether the keyword was found.</summary>
    public bool Found => _count != 0;

    /// <summary>How many entries it has; 0 when it was not found.</summary>
    public int Count => CountOf(_count);

    /// <summary>Whether it comes from the simulation.</summary>
    public bool IsSimulated => _region is { IsSimulated: true };

    /// <summary>Where an entry lies.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not 0 to <see cref="Count"/> − 1.</exception>
    public EntryLocation LocationOf(int index) => Locate(_region, _postings, _count, index);

    /// <summary>An entry's bytes. Not to be used after <see cref="Dispose"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not 0 to <see cref="Count"/> − 1.</exception>
    /// <exception cref="DimensionFormatException">The index points outside the layer: the file is damaged.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> ContentOf(int index)
    {
        if (index >= 0 && index < _count)
        {
            byte* posting = _postings + ((nuint)(uint)index * KeywordIndexFormat.PostingBytes);
            if (_region!.TryGetContent(*(uint*)(posting + 8), *(uint*)posting, *(uint*)(posting + 4), out ReadOnlySpan<byte> content))
            {
                return content;
            }
        }

        return ContentSlowly(_region, _postings, _count, index);
    }

    /// <summary>Ends the access.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose()
    {
        if (_region is not null)
        {
            _bracket.Dispose();

            // A store that nobody holds any more must not be collected, and unmapped, under a reader.
            GC.KeepAlive(_region);
        }
    }

    private static int CountOf(int count) => count >= 0 ? count : BitOperations.PopCount((uint)~count);

    /// <summary>For what is not there, whole layers, and damage, which is told in full. Static: an instance method would take the struct's address, and it would live in memory.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ReadOnlySpan<byte> ContentSlowly(LoadedRegion? region, byte* postings, int count, int index)
    {
        EntryLocation location = Locate(region, postings, count, index);
        return region!.ContentAt(location);
    }

    private static EntryLocation Locate(LoadedRegion? region, byte* postings, int count, int index)
    {
        if ((uint)index >= (uint)CountOf(count))
        {
            throw new ArgumentOutOfRangeException(nameof(index), index, $"There are {CountOf(count)} entries.");
        }

        if (count > 0)
        {
            return new PostingList(ref *postings, count, (nint)postings - region!.Region.Address)[index];
        }

        int layers = ~count;
        for (int i = 0; i < index; i++)
        {
            layers &= layers - 1;
        }

        int layer = BitOperations.TrailingZeroCount(layers);
        region!.TryGetLayer(layer, out _, out int length);
        return new EntryLocation(layer, 0, length);
    }
}

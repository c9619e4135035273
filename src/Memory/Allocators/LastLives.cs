using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// What blocks were that were freed or merged lately, for allocators that keep nothing of a free block, so that a double free can name size and owner. A place for each of so many hashes, whoever came last:
/// noting one is a store, and what is not remembered any more is told without them. Under the allocator's lock.
/// </summary>
/// <param name="placesLog">Base-2 logarithm of the number of places, 1 to 31.</param>
internal sealed class LastLives(int placesLog)
{
    private readonly Life[] _lives = new Life[1 << placesLog];

    /// <summary>Bytes that the places take.</summary>
    internal long Bytes => _lives.LongLength * Unsafe.SizeOf<Life>();

    /// <summary>Notes the end of the block that started at a granule, in the place of what was noted of one that started there before.</summary>
    internal void Note(uint granule, uint granules, OwnerId owner) => _lives[PlaceOf(granule)] = new Life(granule, granules, owner);

    /// <summary>What the last block was that started at a granule; false when that is not remembered.</summary>
    internal bool TryGet(uint granule, out uint granules, out OwnerId owner)
    {
        Life life = _lives[PlaceOf(granule)];
        bool isKnown = life.Granules != 0 && life.Granule == granule;
        granules = isKnown ? life.Granules : 0;
        owner = isKnown ? life.Owner : OwnerId.None;
        return isKnown;
    }

    /// <summary>Forgets all.</summary>
    internal void Clear() => Array.Clear(_lives);

    private uint PlaceOf(uint granule) => (granule * 0x9E3779B1) >> (32 - placesLog);

    private readonly record struct Life(uint Granule, uint Granules, OwnerId Owner);
}

using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// What blocks were that were freed or merged lately, for allocators that keep nothing of a free block, so that a double free can name size and owner. A place for each of so many hashes, whoever came last:
/// noting one is a store, and what is not remembered any more is told without them. Under the allocator's lock.
/// </summary>
/// <param name="placesLog">Base-2 logarithm of the number of places, 1 to 31.</param>
internal sealed class LastLives(int placesLog)
{
    private Life[] _lives = new Life[1 << placesLog];
    private int _placesLog = placesLog;

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

    /// <summary>Makes it so many places, if it has fewer and there is memory for them. What is remembered stays so.</summary>
    internal void TryGrow(int placesLog)
    {
        if (placesLog <= _placesLog)
        {
            return;
        }

        Life[] before = _lives;
        try
        {
            _lives = new Life[1 << placesLog];
        }
        catch (OutOfMemoryException)
        {
            // The fewer places forget sooner, which costs a message some words and the allocator nothing.
            return;
        }

        _placesLog = placesLog;
        foreach (Life life in before)
        {
            _lives[PlaceOf(life.Granule)] = life.Granules != 0 ? life : _lives[PlaceOf(life.Granule)];
        }
    }

    private uint PlaceOf(uint granule) => (granule * 0x9E3779B1) >> (32 - _placesLog);

    private readonly record struct Life(uint Granule, uint Granules, OwnerId Owner);
}

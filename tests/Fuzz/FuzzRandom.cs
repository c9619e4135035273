namespace DimensionStore.Fuzz;

/// <summary>SplitMix64 (Steele, Lea, Flood 2014): an input's number and the seed give its random numbers, whichever thread makes it.</summary>
internal struct FuzzRandom(ulong seed, ulong input)
{
    private ulong _state = seed + (input * 0xD1342543DE82EF95);

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from 0 to below <paramref name="limit"/>, which is at least 1.</summary>
    public int Below(int limit) => (int)(Next() % (ulong)limit);

    public bool Chance(int percent) => Below(100) < percent;
}

namespace DimensionStore.Memory;

/// <summary>
/// One in how many, at random, 0 for none and 1 for each: at an even N a program that does two things in turns would only ever be seen doing one of them.
/// </summary>
internal readonly struct RandomSample(int every)
{
    [ThreadStatic]
    private static ulong t_random;

    private readonly ulong _threshold = every switch
    {
        0 => 0,
        1 => ulong.MaxValue,
        _ => ulong.MaxValue / (ulong)every,
    };

    /// <summary>Whether this time is one. A linear congruential generator (Knuth's MMIX constants), whose high bits decide.</summary>
    internal bool IsChosen()
    {
        if (_threshold is 0 or ulong.MaxValue)
        {
            return _threshold != 0;
        }

        ulong random = (t_random * 6364136223846793005) + 1442695040888963407;
        t_random = random;
        return random <= _threshold;
    }
}

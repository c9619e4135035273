namespace DimensionStore.Memory;

/// <summary>When a <see cref="BackgroundTrimmer"/> trims. Defaults give memory back within a second of a peak.</summary>
public sealed record BackgroundTrimOptions
{
    /// <summary>Time between two looks, 10 ms to a day; 400 ms by default. Memory goes back that was idle at two looks in a row.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>Idle bytes to keep for the next allocations, as a part of the live bytes, 0 to 1,000; 0.1 by default.</summary>
    public double KeepFraction { get; init; } = 0.1;

    /// <summary>Idle bytes to keep in any case; 1 MiB by default.</summary>
    public long KeepBytes { get; init; } = 1 << 20;
}

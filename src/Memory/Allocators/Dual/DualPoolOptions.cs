namespace DimensionStore.Memory;

/// <summary>What a <see cref="DualPoolAllocator"/> watches. Fixed when it is made, because it decides how objects are laid out.</summary>
public sealed record DualPoolOptions
{
    /// <summary>
    /// Whether the words 0xDEADBEEF and 0xBEEFDEAD lie directly before and behind the usable bytes of every object and are checked when it is freed.
    /// They leave 120 of 128 bytes, and 20 bytes less of a run of big blocks. On by default.
    /// </summary>
    public bool Canaries { get; init; } = true;

    /// <summary>
    /// Whether file, line and time of each allocation are recorded, for leak reports and <see cref="BlockInfo.Age"/>: 16 bytes more per object, and reading the clock. Off by default.
    /// </summary>
    public bool TrackAllocations { get; init; }
}

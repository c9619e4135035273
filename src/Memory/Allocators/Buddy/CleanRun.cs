namespace DimensionStore.Memory;

/// <summary>
/// Where a new block consists of pages that nobody has used since they were committed: these bytes are zero, and take no memory yet. One run, the longest, because a block that lies across used and
/// unused memory mostly has one border between them.
/// </summary>
/// <param name="First">The first such byte, counted from the block's start.</param>
/// <param name="End">Behind the last; no more than <paramref name="First"/> where there is none.</param>
internal readonly record struct CleanRun(nuint First, nuint End)
{
    /// <summary>How many bytes.</summary>
    internal nuint Bytes => End > First ? End - First : 0;

    /// <summary>Whether every one of a block's first bytes is known to be zero.</summary>
    internal bool Covers(nuint bytes) => First == 0 && End >= bytes;
}

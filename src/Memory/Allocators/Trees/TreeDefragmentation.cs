namespace DimensionStore.Memory;

/// <summary>What a defragmentation did.</summary>
public readonly record struct TreeDefragmentation
{
    /// <summary>Bytes of whole pages that blocks held down before and that are free now.</summary>
    public long BytesRecovered { get; init; }

    /// <summary>Bytes given back to the operating system, idle ones from before included.</summary>
    public long BytesDecommitted { get; init; }

    /// <summary>Blocks moved.</summary>
    public long BlocksMoved { get; init; }

    /// <summary>Usable bytes in them.</summary>
    public long BytesMoved { get; init; }

    /// <summary>External fragmentation afterwards, in percent.</summary>
    public double FragmentationPercent { get; init; }

    /// <summary>Whether nothing is left to move; false when the time ran out.</summary>
    public bool IsComplete { get; init; }

    /// <summary>
    /// <see cref="TreeZoneError.Fragmented"/> when everything was moved that may be and fragmentation is above its threshold all the same, <see cref="TreeZoneError.LatencyExceeded"/> when the time ran out
    /// before that, else <see cref="TreeZoneError.None"/>.
    /// </summary>
    public TreeZoneError Error { get; init; }

    /// <summary>For callers who want an exception instead of <see cref="Error"/>.</summary>
    /// <exception cref="TreeZoneException"><see cref="Error"/> is not <see cref="TreeZoneError.None"/>.</exception>
    public void ThrowIfFailed()
    {
        if (Error != TreeZoneError.None)
        {
            throw new TreeZoneException(Error, Error == TreeZoneError.Fragmented
                ? $"{FragmentationPercent:N1} % are lost to fragmentation, {TreeZoneAllocator.FragmentationThresholdPercent:N0} % are allowed: blocks that may not be moved are in the way. Use movable blocks, and pin them only while they are used."
                : $"The time ran out after {BlocksMoved:N0} blocks. Call again to go on.");
        }
    }
}

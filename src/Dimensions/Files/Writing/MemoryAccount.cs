namespace DimensionStore;

/// <summary>
/// What one writer holds in memory, against its limit. Buffers ask before they grow and go to scratch files when refused;
/// the smallest buffer that anything needs to work at all is taken without asking. Not thread-safe.
/// </summary>
internal sealed class MemoryAccount
{
    /// <summary>Below this nothing could be sorted or merged, so smaller limits count as this one.</summary>
    public const int SmallestLimit = 64 << 10;

    private const int SmallestChunk = 1 << 10;
    private const int LargestChunk = 64 << 10;

    /// <param name="limit">Bytes in all.</param>
    public MemoryAccount(long limit)
    {
        Limit = Math.Max(limit, SmallestLimit);
        ChunkBytes = (int)Math.Clamp(System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)(Limit / 64)), SmallestChunk, LargestChunk);
    }

    /// <summary>Bytes in all.</summary>
    public long Limit { get; }

    /// <summary>Bytes in a chunk of a <see cref="SpillBuffer"/>: a power of two, small enough that a dozen of them fit the limit.</summary>
    public int ChunkBytes { get; }

    /// <summary>Bytes held.</summary>
    public long Used { get; private set; }

    /// <summary>The most that was held at once.</summary>
    public long Peak { get; private set; }

    /// <summary>Takes bytes if they fit.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="share">How much of the limit may be in use afterwards.</param>
    public bool TryTake(long bytes, long share)
    {
        if (Used + bytes > Math.Min(share, Limit))
        {
            return false;
        }

        Take(bytes);
        return true;
    }

    /// <summary>Takes bytes that are needed whatever the limit says.</summary>
    public void Take(long bytes)
    {
        Used += bytes;
        Peak = Math.Max(Peak, Used);
    }

    /// <summary>Gives bytes back.</summary>
    public void Return(long bytes) => Used -= bytes;
}

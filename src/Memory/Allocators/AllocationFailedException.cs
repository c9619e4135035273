namespace DimensionStore.Memory;

/// <summary>The allocator could not provide a block: too large for it, or the operating system refused memory.</summary>
public sealed class AllocationFailedException : MemoryToolkitException
{
    /// <summary>Creates the error.</summary>
    public AllocationFailedException(string allocator, long requestedBytes, long availableBytes, OwnerId owner, string reason, Exception? innerException = null, long usedBytes = 0, long totalBytes = 0)
        : base($"{allocator}: cannot allocate {requestedBytes:N0} bytes ({availableBytes:N0} available{(totalBytes > 0 ? $" of {totalBytes:N0}" : "")}, owner {owner}): {reason}", innerException)
    {
        Allocator = allocator;
        Reason = reason;
        RequestedBytes = requestedBytes;
        AvailableBytes = availableBytes;
        Owner = owner;
        UsedBytes = usedBytes;
        TotalBytes = totalBytes;
    }

    /// <summary>Name of the allocator.</summary>
    public string Allocator { get; }

    /// <summary>Why, and what to do: the end of the message.</summary>
    public string Reason { get; }

    /// <summary>Bytes asked for.</summary>
    public long RequestedBytes { get; }

    /// <summary>Bytes the allocator could still have provided.</summary>
    public long AvailableBytes { get; }

    /// <summary>Who asked.</summary>
    public OwnerId Owner { get; }

    /// <summary>Bytes in live blocks when it failed; 0 where the allocator does not say.</summary>
    public long UsedBytes { get; }

    /// <summary>The limit: bytes the allocator may have in all; 0 where it does not say.</summary>
    public long TotalBytes { get; }
}

namespace DimensionStore.Memory;

/// <summary>A budget, quota or partition is full: the request would go over its limit, so nothing was done.</summary>
public sealed class LimitExceededException : MemoryToolkitException
{
    /// <summary>Creates the error.</summary>
    public LimitExceededException(string limitName, long requestedBytes, long usedBytes, long limitBytes, string? advice = null, OwnerId owner = default)
        : base($"{limitName}: {requestedBytes:N0} bytes asked for, {usedBytes:N0} {(limitBytes == long.MaxValue ? "in use, without limit" : $"of {limitBytes:N0} in use")}{(owner == OwnerId.None || limitName == $"owner {owner}" ? "" : $", owner {owner}")}.{(advice is null ? "" : " " + advice)}")
    {
        LimitName = limitName;
        RequestedBytes = requestedBytes;
        UsedBytes = usedBytes;
        LimitBytes = limitBytes;
        Owner = owner;
    }

    /// <summary>Which limit: "memory budget", "D05 Temporal", "reserve", …</summary>
    public string LimitName { get; }

    /// <summary>Bytes asked for.</summary>
    public long RequestedBytes { get; }

    /// <summary>Bytes in use when it was asked.</summary>
    public long UsedBytes { get; }

    /// <summary>The limit in bytes.</summary>
    public long LimitBytes { get; }

    /// <summary>Bytes that were left when it was asked.</summary>
    public long AvailableBytes => Math.Max(0, LimitBytes - UsedBytes);

    /// <summary>Who asked, which is also whose limit it is where it is that of one owner; <see cref="OwnerId.None"/> where nobody was named.</summary>
    public OwnerId Owner { get; }
}

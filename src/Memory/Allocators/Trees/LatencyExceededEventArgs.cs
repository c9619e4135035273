namespace DimensionStore.Memory;

/// <summary>An operation took longer than its limit. It was done: an allocated block is live, a freed one is free.</summary>
public sealed class LatencyExceededEventArgs(TreeZoneOperation operation, nint address, TimeSpan elapsed, TimeSpan limit) : EventArgs
{
    /// <summary>What was done.</summary>
    public TreeZoneOperation Operation { get; } = operation;

    /// <summary>The block.</summary>
    public nint Address { get; } = address;

    /// <summary>How long it took.</summary>
    public TimeSpan Elapsed { get; } = elapsed;

    /// <summary>How long it may take.</summary>
    public TimeSpan Limit { get; } = limit;

    /// <summary>The same as an error with the code <see cref="TreeZoneError.LatencyExceeded"/>, for a handler that wants to hand it on.</summary>
    public TreeZoneException ToException() => new(TreeZoneError.LatencyExceeded, $"{Operation} of the block at 0x{Address:x} took {Elapsed.TotalMicroseconds:N1} µs, {Limit.TotalMicroseconds:N1} µs are allowed.");
}

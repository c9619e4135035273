namespace DimensionStore.Memory;

/// <summary>How a trace is replayed.</summary>
public sealed record TraceReplayOptions
{
    /// <summary>Passes against the clock, of which the median counts: 1 to 1,000, 9 by default. 0 leaves the timing out.</summary>
    public int TimedPasses { get; init; } = 9;

    /// <summary>
    /// Passes before those that count, in which the runtime compiles the allocator's code in its final form, go on until none has become faster for this long, 0.4 s by default; at most five times as
    /// long, and at least two passes.
    /// </summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>Stops the replay, within milliseconds: between some thousand operations, and within a block that is written or looked through. A call of the allocator runs to its end.</summary>
    public CancellationToken Cancellation { get; init; }
}

namespace DimensionStore.Memory;

/// <summary>How a trace is replayed.</summary>
public sealed record TraceReplayOptions
{
    /// <summary>Passes against the clock, of which the median counts: 1 to 1,000, 9 by default. 0 leaves the timing out.</summary>
    public int TimedPasses { get; init; } = 9;

    /// <summary>
    /// Time that is spent on passes before those that count: 0.4 s by default, in which the runtime compiles the allocator's code in its final form. At least two passes are made.
    /// </summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>Stops the replay, within milliseconds: between some thousand operations, and within a block that is written or looked through. A call of the allocator runs to its end.</summary>
    public CancellationToken Cancellation { get; init; }
}

namespace DimensionStore.Memory;

/// <summary>
/// What a <see cref="DiagnosticLayer"/> looks for. Every level finds double, foreign, interior and wrong-size frees by exact size, and leaks with owner, age and, through
/// <see cref="DiagnosticLayer.AllocateTracked"/>, the place in the source.
/// </summary>
public sealed record DiagnosticOptions
{
    /// <summary>Records only: who has what, since when, from where.</summary>
    public static DiagnosticOptions Tracking { get; } = new() { Canaries = false, QuarantineBytes = 0 };

    /// <summary>Every block on pages of its own, with an inaccessible page behind it and all pages gone after it is freed.</summary>
    public static DiagnosticOptions Pages { get; } = new() { GuardPagesEvery = 1 };

    /// <summary>Whether 16 guard bytes lie before each block and 16 directly behind the bytes asked for. On by default.</summary>
    public bool Canaries { get; init; } = true;

    /// <summary>
    /// Bytes of freed blocks that are filled with poison and kept from reuse, the oldest leaving first; 0 for none. A write to one of them is found when it leaves, by
    /// <see cref="DiagnosticLayer.Check"/>, and at dispose. 1 MiB by default.
    /// </summary>
    public long QuarantineBytes { get; init; } = 1 << 20;

    /// <summary>
    /// One in how many blocks, chosen at random, is placed on pages of its own, its end at an inaccessible page: 0 for none, 1 for each. A write past the end, and any access
    /// after the free, then faults at the very instruction, which ends a .NET process. The pages count against the limit and the budget of the allocator beneath; a block that they do not fit, or
    /// for which the process has no mappings to spare, is guarded by canary.
    /// </summary>
    public int GuardPagesEvery { get; init; }

    /// <summary>Address space for <see cref="GuardPagesEvery"/>; blocks for which it has no room are guarded by canary. 1 GiB by default.</summary>
    public long GuardPageBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Is told of every fault, of those that a call is told of too: <see cref="IAllocatorObserver.OnFault"/>. Not together with an <see cref="EventLayer"/> above and
    /// <see cref="ToolkitEventSource.Observer"/> here, or everything is told twice.
    /// </summary>
    public IAllocatorObserver? Observer { get; init; }

    /// <summary>One in how many allocations, chosen at random, has its stack captured: 0 for none, 1 for each. Each takes microseconds, and managed memory until its block is freed.</summary>
    public int StackEvery { get; init; }
}

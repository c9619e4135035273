using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>
/// The two places where a test takes the store apart: how it waits for readers and how it gets rid of a region. A control run replaces the wait by nothing and
/// sees the bytes change under a reader; without it, a passing litmus test would prove nothing.
/// </summary>
internal sealed record StoreSeams
{
    /// <summary>Waits for readers, so long and unless there is a reason to give up.</summary>
    public Func<TimeSpan, Func<bool>, bool> Drain { get; init; } = ReaderRegistry.TryDrain;

    /// <summary>Unmaps.</summary>
    public Action<MmapRegion> Dispose { get; init; } = static region => region.Dispose();

    /// <summary>What a store uses outside tests.</summary>
    public static StoreSeams Real { get; } = new();
}

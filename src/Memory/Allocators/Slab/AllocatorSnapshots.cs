namespace DimensionStore.Memory;

/// <summary>Statistics that are the same for several allocators.</summary>
internal static class AllocatorSnapshots
{
    /// <summary>The last statistics of an allocator, as they stay after dispose.</summary>
    internal static AllocatorStatistics Disposed(AllocatorStatistics last) => last with
    {
        ReservedBytes = 0,
        CommittedBytes = 0,
        IdleBytes = 0,
        LiveBytes = 0,
        RequestedBytes = 0,
        LiveBlocks = 0,
        LeakedBytes = last.LiveBytes,
        LeakedBlocks = last.LiveBlocks,
        MetadataBytes = 0,
    };
}

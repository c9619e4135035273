namespace DimensionStore.Memory;

/// <summary>How full one pool is.</summary>
/// <param name="BlockBytes">Size of each block.</param>
/// <param name="CapacityBytes">The most memory this pool may hold.</param>
/// <param name="CommittedBytes">Memory committed for it now.</param>
/// <param name="LiveBlocks">Blocks in use.</param>
public readonly record struct PoolUsage(long BlockBytes, long CapacityBytes, long CommittedBytes, long LiveBlocks);

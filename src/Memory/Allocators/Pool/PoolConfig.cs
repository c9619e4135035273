namespace DimensionStore.Memory;

/// <summary>One fixed-size pool of a <see cref="PoolAllocator"/>.</summary>
/// <param name="BlockBytes">Size of each block: a power of two, from 64 to 1 GiB.</param>
/// <param name="CapacityBytes">The most memory this pool may hold, a multiple of <paramref name="BlockBytes"/>, at most 1 TiB. Blocks smaller than a page are committed by pages, so the last page may reach beyond it.</param>
public readonly record struct PoolConfig(long BlockBytes, long CapacityBytes)
{
    /// <summary>The four pools of the JESSY specification: 4 KiB in 32 MiB, 16 KiB in 128, 64 KiB in 80, 256 KiB in 40.</summary>
    public static IReadOnlyList<PoolConfig> Default { get; } =
    [
        new(4 << 10, 32L << 20),
        new(16 << 10, 128L << 20),
        new(64 << 10, 80L << 20),
        new(256 << 10, 40L << 20),
    ];
}

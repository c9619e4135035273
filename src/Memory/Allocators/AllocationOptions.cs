namespace DimensionStore.Memory;

/// <summary>What a caller asks of an allocation beside its size. The process-level reading of a kernel's GFP flags.</summary>
[Flags]
public enum AllocationOptions
{
    /// <summary>Nothing special: contents are undefined, the allocator may grow.</summary>
    None = 0,

    /// <summary>Every byte of the usable size is zero when the block is handed out.</summary>
    Zeroed = 1,

    /// <summary>Fail rather than commit more memory from the operating system.</summary>
    NoGrow = 2,

    /// <summary>The block is short-lived or can be copied elsewhere by its owner; allocators that group by mobility (<see cref="PageMobility"/>) keep it with its like, others ignore it.</summary>
    Movable = 4,

    /// <summary>The block is a cache that its owner gives up under pressure; see <see cref="Movable"/>, which wins when both are set.</summary>
    Reclaimable = 8,

    /// <summary>The request must not fail for want of reserves: it may use what an allocator with watermarks keeps back. Others ignore it.</summary>
    Emergency = 16,
}

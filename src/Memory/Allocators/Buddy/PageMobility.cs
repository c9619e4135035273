namespace DimensionStore.Memory;

/// <summary>
/// How soon a block's memory can become free again. Blocks of one kind share pageblocks, so that a long-lived one never stands alone in the middle of memory that would
/// otherwise be whole again. The process-level reading of a kernel's migrate types: no block ever moves by itself, but the owner of a movable one can copy and free it.
/// </summary>
public enum PageMobility
{
    /// <summary>Stays until its owner frees it. What is not said otherwise.</summary>
    Unmovable,

    /// <summary>A cache or the like, which its owner gives up under pressure.</summary>
    Reclaimable,

    /// <summary>Short-lived, or held through a handle, so that it can be copied elsewhere.</summary>
    Movable,
}

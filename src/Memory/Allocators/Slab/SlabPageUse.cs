namespace DimensionStore.Memory;

/// <summary>What a page of a slab is needed for.</summary>
internal enum SlabPageUse
{
    /// <summary>A live block lies there.</summary>
    Live,

    /// <summary>No live block, and one that another thread freed and the owner has not collected yet.</summary>
    Uncollected,

    /// <summary>For nothing: some block was used since its memory was last given back, and none is live.</summary>
    Idle,

    /// <summary>No block was used since its memory was given back, or ever: there is none.</summary>
    Unbacked,
}

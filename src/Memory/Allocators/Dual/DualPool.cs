namespace DimensionStore.Memory;

/// <summary>Which of the two pools of a <see cref="DualPoolAllocator"/>.</summary>
public enum DualPool
{
    /// <summary>Small objects, 128 bytes each.</summary>
    Small,

    /// <summary>Big blocks, 16 KiB each, and runs of adjacent ones.</summary>
    Big,
}

namespace DimensionStore;

/// <summary>Which dimension leaves memory first under pressure.</summary>
public enum EvictionPolicy
{
    /// <summary>The least recently used.</summary>
    Lru,

    /// <summary>The least frequently used; among equals the least recently used.</summary>
    Lfu,
}

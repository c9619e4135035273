namespace DimensionStore.Memory;

/// <summary>What an <see cref="ObjectCache"/> does beside handing out objects.</summary>
[Flags]
public enum ObjectCacheFlags
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Bytes before and behind each object are watched: writing there is found when the object is freed and by the integrity check.</summary>
    RedZones = 1,

    /// <summary>A free object is filled with a pattern that must still be there when it is handed out again. Objects are then constructed each time.</summary>
    Poison = 2,
}

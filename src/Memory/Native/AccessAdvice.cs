namespace DimensionStore.Memory.Native;

/// <summary>How a range will be used.</summary>
public enum AccessAdvice
{
    /// <summary>No particular pattern.</summary>
    Normal,

    /// <summary>Here and there: reading ahead would be waste.</summary>
    Random,

    /// <summary>From start to end.</summary>
    Sequential,

    /// <summary>Soon, all of it.</summary>
    WillNeed,
}

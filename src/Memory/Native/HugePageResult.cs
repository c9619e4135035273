namespace DimensionStore.Memory.Native;

/// <summary>What became of a request for huge pages.</summary>
public enum HugePageResult
{
    /// <summary>The system has taken note.</summary>
    Advised,

    /// <summary>The system does not give huge pages in this way.</summary>
    NotSupported,

    /// <summary>The system knows the request and refused it for this range.</summary>
    Refused,
}

namespace DimensionStore.Memory;

/// <summary>The error codes of the DTESN specification. <see cref="TreeZoneException.CodeOf"/> gives the one that an exception stands for.</summary>
public enum TreeZoneError
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary><c>DTESN_ENOMEM</c>: no room in the level, or limit, budget or operating system refused.</summary>
    OutOfMemory = -1,

    /// <summary><c>DTESN_EINVAL</c>: a wrong argument, a wrong configuration or a pointer that is not a block.</summary>
    InvalidArgument = -2,

    /// <summary><c>DTESN_ENOTINIT</c>: used after the shutdown. There is no "before": an allocator that exists is initialised.</summary>
    NotInitialized = -3,

    /// <summary><c>DTESN_ELATENCY</c>: an operation took longer than its limit. It was done all the same.</summary>
    LatencyExceeded = -4,

    /// <summary><c>DTESN_EFRAGMENT</c>: enough is free, but in pieces that are too small or that cannot be brought together.</summary>
    Fragmented = -5,
}

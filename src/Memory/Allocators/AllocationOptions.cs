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
}

namespace DimensionStore.Memory.Native;

/// <summary>What a range of pages may be used for.</summary>
public enum PageAccess
{
    /// <summary>Any access faults.</summary>
    None,

    /// <summary>Reading only.</summary>
    Read,

    /// <summary>Reading and writing.</summary>
    ReadWrite,
}

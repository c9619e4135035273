namespace DimensionStore.PowerShell;

/// <summary>What <c>New-MemoryAllocator -Diagnostic</c> looks for. Double and foreign frees are found by every level.</summary>
public enum DiagnosticLevel
{
    /// <summary>What the allocator finds by itself.</summary>
    None,

    /// <summary>Each block's exact size, owner and time of allocation are recorded: wrong sizes and leaks have a name.</summary>
    Tracking,

    /// <summary>In addition guard words around each block and a quarantine for freed ones: overruns, underruns, use after free.</summary>
    Canary,

    /// <summary>Each block ends at a page that nobody may touch: writing over its end ends the process at the instruction that does it.</summary>
    GuardPage,
}

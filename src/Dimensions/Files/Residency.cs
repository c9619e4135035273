namespace DimensionStore;

/// <summary>Where the bytes of a loaded dimension live.</summary>
public enum Residency
{
    /// <summary>
    /// Mapped from the file and shared with every process through the page cache. Whoever can truncate the file in place
    /// can kill the processes that read it: replace files by rename, as this library does, and keep their directory writable only for those you trust.
    /// </summary>
    Shared,

    /// <summary>Copied into private memory that is read-only from then on. Survives anything done to the file; costs the copy.</summary>
    Private,
}

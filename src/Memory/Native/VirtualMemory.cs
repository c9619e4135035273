namespace DimensionStore.Memory.Native;

/// <summary>The face of the ground floor: what the libraries ask of the operating system about memory. One file per OS stands behind it.</summary>
public static class VirtualMemory
{
    /// <summary>Bytes in a page.</summary>
    public static int PageSize => Environment.SystemPageSize;

    /// <summary>Reserves address space without committing memory.</summary>
    /// <param name="size">Bytes; rounded up to a page.</param>
    /// <returns>The first address, page aligned.</returns>
    /// <exception cref="VirtualMemoryException">The operating system refused.</exception>
    public static nint Reserve(nuint size) => throw new NotImplementedException();

    /// <summary>Makes a reserved, page-aligned range readable and writable; fresh pages read as zero.</summary>
    public static void Commit(nint address, nuint size) => throw new NotImplementedException();

    /// <summary>Gives the memory of a committed range back; the addresses stay reserved.</summary>
    public static void Decommit(nint address, nuint size) => throw new NotImplementedException();

    /// <summary>Gives a whole reservation back.</summary>
    public static void Release(nint address, nuint size) => throw new NotImplementedException();

    /// <summary>Changes what a range may be used for.</summary>
    public static void Protect(nint address, nuint size, PageAccess access) => throw new NotImplementedException();

    /// <summary>Tells the operating system how a mapped range will be used. A hint: false where it is not supported.</summary>
    public static bool Advise(nint address, nuint size, AccessAdvice advice) => throw new NotImplementedException();

    /// <summary>
    /// Faults in every page of a mapped range for reading and answers false when a page has no file behind it any more,
    /// where touching it would kill the process. True without a check where the operating system has no such call.
    /// </summary>
    public static bool TryPopulateRead(nint address, nuint size) => throw new NotImplementedException();
}

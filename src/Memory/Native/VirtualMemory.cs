using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory.Native;

/// <summary>The face of the ground floor: what the libraries ask of the operating system about memory. One file per OS stands behind it.</summary>
/// <remarks>
/// Every member may be called from any thread. A member that throws has changed nothing that a caller could observe, unless it says otherwise.
/// Ranges that are to be changed start on a page; their size is rounded up to whole pages, because that is all an operating system can do.
/// </remarks>
public static partial class VirtualMemory
{
    /// <summary>Bytes in a page.</summary>
    public static int PageSize => Environment.SystemPageSize;

    /// <summary>Reserves address space without committing memory.</summary>
    /// <remarks>
    /// Before: <paramref name="size"/> is at least 1.
    /// After: the range belongs to the caller, no byte of it may be touched, and it costs no memory. Give it back with <see cref="Release"/>.
    /// </remarks>
    /// <param name="size">Bytes; rounded up to a page.</param>
    /// <returns>The first address, page aligned.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is zero or does not leave room for rounding.</exception>
    /// <exception cref="VirtualMemoryException">The operating system refused.</exception>
    public static nint Reserve(nuint size)
    {
        size = WholePages(size);
        if (OperatingSystem.IsLinux())
        {
            return LinuxMemory.Reserve(size);
        }

        if (OperatingSystem.IsMacOS())
        {
            return MacMemory.Reserve(size);
        }

        return OperatingSystem.IsWindows() ? WindowsMemory.Reserve(size) : throw Unsupported();
    }

    /// <summary>Makes a reserved, page-aligned range readable and writable; fresh pages read as zero.</summary>
    /// <remarks>
    /// Before: the range lies in one reservation of <see cref="Reserve"/>.
    /// After: every byte may be read and written; pages that were not committed before read as zero, those that were keep their contents.
    /// A page becomes resident when it is first touched. Refused on Linux when the process has about seven eighths of the mappings that it may have, since the runtime needs the rest.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="address"/> is not page aligned.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is zero or the range wraps around.</exception>
    /// <exception cref="VirtualMemoryException">The operating system refused.</exception>
    public static void Commit(nint address, nuint size)
    {
        size = WholePages(address, size);
        NativeFaults.OnCommit(address, size);
        if (OperatingSystem.IsLinux())
        {
            LinuxMemory.Commit(address, size);
        }
        else if (OperatingSystem.IsMacOS())
        {
            MacMemory.Commit(address, size);
        }
        else if (OperatingSystem.IsWindows())
        {
            WindowsMemory.Commit(address, size);
        }
        else
        {
            throw Unsupported();
        }
    }

    /// <summary>Gives the memory of a committed range back; the addresses stay reserved.</summary>
    /// <remarks>
    /// Before: the range lies in one reservation of <see cref="Reserve"/>, and nobody uses its bytes; pages that are not committed do no harm.
    /// After: no byte may be touched, the memory is the operating system's again, and a later <see cref="Commit"/> finds zeros.
    /// An access meanwhile faults, unless the process is at about half of the mappings that Linux allows it: then the pages are emptied and stay accessible, because a hole in a mapping makes two of it and
    /// the runtime ends a process that has no mapping left. A byte written in there nevertheless is found by the next <see cref="Commit"/>. It is also what happens where the system has no mapping for a hole.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="address"/> is not page aligned.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is zero or the range wraps around.</exception>
    /// <exception cref="VirtualMemoryException">The operating system refused.</exception>
    public static void Decommit(nint address, nuint size)
    {
        size = WholePages(address, size);
        if (OperatingSystem.IsLinux())
        {
            LinuxMemory.Decommit(address, size);
        }
        else if (OperatingSystem.IsMacOS())
        {
            MacMemory.Decommit(address, size);
        }
        else if (OperatingSystem.IsWindows())
        {
            WindowsMemory.Decommit(address, size);
        }
        else
        {
            throw Unsupported();
        }
    }

    /// <summary>Moves the pages of one committed range to another without copying. False, and nothing has changed, where the system cannot.</summary>
    /// <remarks>
    /// Before: both ranges are committed, do not overlap, and nobody uses their bytes.
    /// After, when true: the bytes are at <paramref name="to"/>; what was there is gone; the pages at <paramref name="from"/> are committed, read as zero and cost no memory.
    /// </remarks>
    /// <exception cref="ArgumentException">An address is not page aligned.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is zero or a range wraps around.</exception>
    public static bool TryMovePages(nint from, nint to, nuint size)
    {
        size = WholePages(from, size);
        WholePages(to, size);
        return OperatingSystem.IsLinux() && LinuxMemory.TryMovePages(from, to, size);
    }

    /// <summary>Gives a whole reservation back.</summary>
    /// <remarks>
    /// Before: address and size are those of one <see cref="Reserve"/>; nobody uses its bytes.
    /// After: the addresses may belong to anybody; touching one is undefined.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="address"/> is not page aligned.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is zero or the range wraps around.</exception>
    /// <exception cref="VirtualMemoryException">The operating system refused; the reservation is as it was.</exception>
    public static void Release(nint address, nuint size)
    {
        size = WholePages(address, size);
        if (OperatingSystem.IsLinux())
        {
            LinuxMemory.Release(address, size);
        }
        else if (OperatingSystem.IsMacOS())
        {
            MacMemory.Release(address, size);
        }
        else if (OperatingSystem.IsWindows())
        {
            WindowsMemory.Release(address, size);
        }
        else
        {
            throw Unsupported();
        }
    }

    /// <summary>Changes what a range may be used for.</summary>
    /// <remarks>
    /// Before: the range is committed, in one reservation or mapping.
    /// After: an access that <paramref name="access"/> does not allow faults, which a .NET process does not survive; contents are kept.
    /// Not an undo for <see cref="Commit"/>: memory stays charged.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="address"/> is not page aligned.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is zero, the range wraps around, or <paramref name="access"/> is unknown.</exception>
    /// <exception cref="VirtualMemoryException">The operating system refused; a prefix of the range may have been changed.</exception>
    public static void Protect(nint address, nuint size, PageAccess access)
    {
        size = WholePages(address, size);
        if (access is < PageAccess.None or > PageAccess.ReadWrite)
        {
            throw new ArgumentOutOfRangeException(nameof(access), access, "Expected None, Read or ReadWrite.");
        }

        if (OperatingSystem.IsLinux())
        {
            LinuxMemory.Protect(address, size, access);
        }
        else if (OperatingSystem.IsMacOS())
        {
            MacMemory.Protect(address, size, access);
        }
        else if (OperatingSystem.IsWindows())
        {
            WindowsMemory.Protect(address, size, access);
        }
        else
        {
            throw Unsupported();
        }
    }

    /// <summary>Drops the contents of committed pages and keeps the pages usable: cheaper than <see cref="Decommit"/> for memory that is used again soon.</summary>
    /// <remarks>
    /// Before: the range is committed, private, in one reservation of <see cref="Reserve"/>, and nobody needs its bytes.
    /// After: every byte may be read and written. On Linux the memory is the system's again until it is touched, and reads as zero; elsewhere the system takes it when it wants, so
    /// bytes are undefined until they are written. The commit charge stays.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="address"/> is not page aligned.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is zero or the range wraps around.</exception>
    /// <exception cref="VirtualMemoryException">The operating system refused.</exception>
    public static void Discard(nint address, nuint size)
    {
        size = WholePages(address, size);
        if (OperatingSystem.IsLinux())
        {
            LinuxMemory.Discard(address, size);
        }
        else if (OperatingSystem.IsMacOS())
        {
            MacMemory.Discard(address, size);
        }
        else if (OperatingSystem.IsWindows())
        {
            WindowsMemory.Discard(address, size);
        }
        else
        {
            throw Unsupported();
        }
    }

    /// <summary>Keeps a range resident: never written to swap, no fault when it is touched.</summary>
    /// <remarks>
    /// Before: the range is committed, in one reservation or mapping. Locks do not nest.
    /// After: every page is resident until <see cref="Unlock"/>, <see cref="Decommit"/> or <see cref="Release"/>.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="address"/> is not page aligned.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is zero or the range wraps around.</exception>
    /// <exception cref="VirtualMemoryException">The operating system refused, most often because the process may not lock that much (<c>RLIMIT_MEMLOCK</c>, the working-set minimum); nothing is locked.</exception>
    public static void Lock(nint address, nuint size)
    {
        size = WholePages(address, size);
        if (OperatingSystem.IsLinux())
        {
            LinuxMemory.Lock(address, size);
        }
        else if (OperatingSystem.IsMacOS())
        {
            UnixMemory.Lock(address, size);
        }
        else if (OperatingSystem.IsWindows())
        {
            WindowsMemory.Lock(address, size);
        }
        else
        {
            throw Unsupported();
        }
    }

    /// <summary>Undoes <see cref="Lock"/>.</summary>
    /// <remarks>Before: as for <see cref="Lock"/>. After: the pages are pageable; contents are unchanged.</remarks>
    /// <exception cref="ArgumentException"><paramref name="address"/> is not page aligned.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is zero or the range wraps around.</exception>
    /// <exception cref="VirtualMemoryException">The operating system refused; on Windows also when the range is not locked.</exception>
    public static void Unlock(nint address, nuint size)
    {
        size = WholePages(address, size);
        if (OperatingSystem.IsLinux())
        {
            LinuxMemory.Unlock(address, size);
        }
        else if (OperatingSystem.IsMacOS())
        {
            UnixMemory.Unlock(address, size);
        }
        else if (OperatingSystem.IsWindows())
        {
            WindowsMemory.Unlock(address, size);
        }
        else
        {
            throw Unsupported();
        }
    }

    /// <summary>
    /// Makes every thread of the process execute a full memory fence, wherever it is, before this returns.
    /// </summary>
    /// <remarks>
    /// After: what any thread wrote before its fence is visible to the caller, and what the caller wrote before the call is visible to every
    /// read that another thread makes after its fence. About 1 µs on Linux (<c>membarrier</c>), so a cost for whoever reclaims, not for readers.
    /// The runtime's own call is used: it already picks <c>membarrier</c> expedited, <c>FlushProcessWriteBuffers</c> or the Mach equivalent.
    /// </remarks>
    public static void ProcessWideBarrier() => Interlocked.MemoryBarrierProcessWide();

    /// <summary>Writes a directory's entries to the disk, so that a rename in it survives a power failure.</summary>
    /// <remarks>
    /// Before: <paramref name="path"/> is an existing directory.
    /// After, when true: every entry that was created, renamed or deleted before the call is on the disk.
    /// </remarks>
    /// <returns>False where there is nothing to call: on Windows, whose file systems journal their directories, and on file systems that cannot flush one.</returns>
    /// <exception cref="IOException">The directory cannot be opened or flushed; the message names it.</exception>
    public static bool FlushDirectory(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return OperatingSystem.IsLinux() ? LinuxMemory.FlushDirectory(path)
            : OperatingSystem.IsMacOS() && MacMemory.FlushDirectory(path);
    }

    /// <summary>The error for what the last system call of this thread refused.</summary>
    internal static VirtualMemoryException Refused(nint address, nuint size, [CallerMemberName] string operation = "")
    {
        int code = Marshal.GetLastPInvokeError();
        return new VirtualMemoryException(operation, address, size, code, Marshal.GetPInvokeErrorMessage(code));
    }

    /// <summary>The error for a directory that the last system call of this thread refused.</summary>
    internal static IOException DirectoryRefused(string path, string operation)
    {
        int code = Marshal.GetLastPInvokeError();
        return new IOException($"Directory '{path}': {operation} failed: {Marshal.GetPInvokeErrorMessage(code)} (error {code}). An existing, readable directory was expected.");
    }

    private static nuint WholePages(nuint size)
    {
        nuint mask = (nuint)PageSize - 1;
        if (size == 0 || size > nuint.MaxValue - mask)
        {
            throw new ArgumentOutOfRangeException(nameof(size), $"The size of a range must be 1 or more and leave room for rounding to pages of {PageSize} bytes; found {size}.");
        }

        return (size + mask) & ~mask;
    }

    private static nuint WholePages(nint address, nuint size)
    {
        if (((nuint)address & ((nuint)PageSize - 1)) != 0)
        {
            throw new ArgumentException($"The range must start on a page of {PageSize} bytes; found 0x{address:x}.", nameof(address));
        }

        size = WholePages(size);
        ThrowIfWraps(address, size);
        return size;
    }

    /// <summary>Takes in the pages that a range touches.</summary>
    private static void WidenToPages(ref nint address, ref nuint size)
    {
        nuint mask = (nuint)PageSize - 1;
        nuint before = (nuint)address & mask;
        if (size > nuint.MaxValue - before - mask)
        {
            throw new ArgumentOutOfRangeException(nameof(size), $"The range of {size} bytes at 0x{address:x} wraps around the end of memory.");
        }

        size = (size + before + mask) & ~mask;
        address -= (nint)before;
        ThrowIfWraps(address, size);
    }

    private static void ThrowIfWraps(nint address, nuint size)
    {
        if ((nuint)address > nuint.MaxValue - size)
        {
            throw new ArgumentOutOfRangeException(nameof(size), $"The range of {size} bytes at 0x{address:x} wraps around the end of memory.");
        }
    }

    private static PlatformNotSupportedException Unsupported() => new("Off-heap memory is implemented for Linux, macOS and Windows.");
}

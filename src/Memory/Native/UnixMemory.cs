using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace DimensionStore.Memory.Native;

/// <summary>What Linux and macOS (64 bit) have in common: the POSIX calls. Their flags and errors differ in number, so each system's file passes its own.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
internal static partial class UnixMemory
{
    internal const int MapPrivate = 0x02;
    internal const int ErrorInterrupted = 4;
    internal const int ErrorInvalid = 22;
    private const int ProtNone = 0;
    private const int ProtRead = 1;
    private const int ProtReadWrite = 3;
    private const int MapFixed = 0x10;
    private const nint Failed = -1;

    internal static nint Reserve(nuint size, int flags)
    {
        nint address = Map(0, size, ProtNone, flags, -1, 0);
        return address == Failed ? throw VirtualMemory.Refused(0, size) : address;
    }

    internal static void Commit(nint address, nuint size)
    {
        if (!TryCommit(address, size))
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static bool TryCommit(nint address, nuint size) => Protect(address, size, ProtReadWrite) == 0;

    /// <remarks>
    /// A fresh inaccessible mapping over the range, rather than MADV_DONTNEED and mprotect: one call that cannot stop half-way,
    /// and it takes the pages out of the commit charge, which a mere protection change does not.
    /// </remarks>
    internal static bool TryDecommit(nint address, nuint size, int flags) => Map(address, size, ProtNone, flags | MapFixed, -1, 0) != Failed;

    internal static void Release(nint address, nuint size)
    {
        if (Unmap(address, size) != 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static void Protect(nint address, nuint size, PageAccess access)
    {
        int protection = access switch { PageAccess.None => ProtNone, PageAccess.Read => ProtRead, _ => ProtReadWrite };
        if (Protect(address, size, protection) != 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static void Lock(nint address, nuint size)
    {
        if (LockPages(address, size) != 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static void Unlock(nint address, nuint size)
    {
        if (UnlockPages(address, size) != 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static bool TryAdvise(nint address, nuint size, int advice) => Advise(address, size, advice) == 0;

    internal static unsafe long ResidentBytes(nint address, nuint size)
    {
        const int PagesPerCall = 4096;
        byte* pages = stackalloc byte[PagesPerCall];
        nuint pageSize = (nuint)VirtualMemory.PageSize;
        long resident = 0;
        for (nuint done = 0; done < size;)
        {
            nuint part = nuint.Min(size - done, PagesPerCall * pageSize);
            if (Residency(address + (nint)done, part, pages) != 0)
            {
                throw VirtualMemory.Refused(address, size);
            }

            // Only the lowest bit says "in memory"; macOS uses the others for more.
            for (nuint page = 0; page < part / pageSize; page++)
            {
                resident += (pages[page] & 1) * (long)pageSize;
            }

            done += part;
        }

        return resident;
    }

    /// <returns>False where the file system has no way to flush a directory.</returns>
    internal static bool FlushDirectory(string path, int openFlags, int errorNotSupported)
    {
        int descriptor;
        while ((descriptor = Open(path, openFlags)) < 0)
        {
            if (Marshal.GetLastPInvokeError() != ErrorInterrupted)
            {
                throw VirtualMemory.DirectoryRefused(path, "opening");
            }
        }

        try
        {
            while (Flush(descriptor) != 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error == ErrorInvalid || error == errorNotSupported)
                {
                    return false;
                }

                if (error != ErrorInterrupted)
                {
                    throw VirtualMemory.DirectoryRefused(path, "flushing");
                }
            }

            return true;
        }
        finally
        {
            _ = Close(descriptor); // Opened for reading only: there is nothing a failed close could lose.
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "mincore", SetLastError = true)]
    private static unsafe partial int Residency(nint address, nuint length, byte* pages);

    [LibraryImport("libc", EntryPoint = "mlock", SetLastError = true)]
    private static partial int LockPages(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "munlock", SetLastError = true)]
    private static partial int UnlockPages(nint address, nuint length);

    // open is variadic; without O_CREAT only its two named parameters are passed, so the ordinary calling convention fits on arm64 too.
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int descriptor);
}

using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace DimensionStore.Memory.Native;

/// <summary>The primitives on Linux (kernel 4.14 or later, x64 and arm64). Pre- and postconditions are those of <see cref="VirtualMemory"/>.</summary>
[SupportedOSPlatform("linux")]
internal static partial class LinuxMemory
{
    private const int ProtNone = 0;
    private const int ProtRead = 1;
    private const int ProtReadWrite = 3;
    private const int MapPrivate = 0x02;
    private const int MapFixed = 0x10;
    private const int MapAnonymous = 0x20;
    private const int MapNoReserve = 0x4000;
    private const int MadvPopulateRead = 22;
    private const int OpenReadOnlyCloseOnExec = 0x80000;
    private const int ErrorInterrupted = 4;
    private const int ErrorBadAddress = 14;
    private const int ErrorInvalid = 22;
    private const nint Failed = -1;

    internal static nint Reserve(nuint size)
    {
        nint address = Map(0, size, ProtNone, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        return address == Failed ? throw VirtualMemory.Refused(0, size) : address;
    }

    internal static void Commit(nint address, nuint size)
    {
        if (Protect(address, size, ProtReadWrite) != 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    /// <remarks>
    /// A fresh inaccessible mapping over the range, rather than MADV_DONTNEED and mprotect: one call that cannot stop half-way,
    /// and it takes the pages out of the commit charge, which a mere protection change does not.
    /// </remarks>
    internal static void Decommit(nint address, nuint size)
    {
        if (Map(address, size, ProtNone, MapPrivate | MapAnonymous | MapNoReserve | MapFixed, -1, 0) == Failed)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

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

    internal static bool Advise(nint address, nuint size, AccessAdvice advice)
        => Advise(address, size, (int)advice) == 0; // MADV_NORMAL, _RANDOM, _SEQUENTIAL and _WILLNEED are 0 to 3, as in the enum.

    internal static bool TryPopulateRead(nint address, nuint size)
    {
        while (Advise(address, size, MadvPopulateRead) != 0)
        {
            switch (Marshal.GetLastPInvokeError())
            {
                case ErrorInterrupted:
                    continue;
                case ErrorBadAddress:
                    return false;
                case ErrorInvalid:
                    return true; // A kernel before 5.14 does not know the call.
                default:
                    throw VirtualMemory.Refused(address, size);
            }
        }

        return true;
    }

    internal static bool FlushDirectory(string path)
    {
        int descriptor;
        while ((descriptor = Open(path, OpenReadOnlyCloseOnExec)) < 0)
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
                switch (Marshal.GetLastPInvokeError())
                {
                    case ErrorInterrupted:
                        continue;
                    case ErrorInvalid:
                        return false; // The file system has no way to flush a directory.
                    default:
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
    private static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
